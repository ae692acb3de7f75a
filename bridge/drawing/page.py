"""One page of a net: drawn as a graph, with its transposes and weights. It needs nothing else."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from bridge.drawing.diagram import Diagram
from bridge.drawing.picture import pictured
from bridge.files.html import rendered
from bridge.files.staging import staged
from bridge.translation import TranslationMap


def write_page(title: str, diagram: Diagram, map: TranslationMap, path: Path) -> None:
    """Writes the page to a path that is `writable`. Raises UsageError if jinja2 is missing."""
    text = page(title, diagram, map)
    with staged(path) as file:
        file.write_text(text, encoding="utf-8")


def page(title: str, diagram: Diagram, map: TranslationMap) -> str:
    """The page's text. Raises UsageError if jinja2 is missing."""
    nodes = sum(not node.is_input for node in diagram.nodes)
    own = {"title": title, "nodes": nodes, "map": map, "alone": True}
    return rendered("bridge.drawing", {**drawn(diagram), **own})


def drawn(diagram: Diagram) -> dict[str, Any]:
    """What diagram.html.jinja needs, and the one script that a page with it may run, by its hash:
    whatever names are in the page, a browser runs nothing else, and loads nothing."""
    script = files("bridge.drawing").joinpath("diagram.js").read_text(encoding="utf-8")
    digest = b64encode(sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return {"picture": pictured(diagram), "script": script, "policy": policy}
