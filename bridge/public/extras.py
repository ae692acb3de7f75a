"""How the packages of an extra are installed, from where this bridge itself comes."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

NAME = "caffe-bridge"


def pip_install(extra: str) -> str:
    """The command: by its name only if an index has it by that name, which others do not know.

    pip notes beside what it installs from a folder, a file or a repository which it was.
    (https://packaging.python.org/en/latest/specifications/direct-url)
    """
    checkout = Path(__file__).parents[2]
    if (checkout / "pyproject.toml").is_file():
        return f"pip install '{checkout}[{extra}]'"
    try:
        text = distribution(NAME).read_text("direct_url.json")
    except PackageNotFoundError:
        text = None
    if text is None:
        return f"pip install '{NAME}[{extra}]'"
    source = json.loads(text)
    url = str(source["url"])
    if "dir_info" in source:
        return f"pip install '{url2pathname(urlsplit(url).path)}[{extra}]'"
    vcs = f"{source['vcs_info']['vcs']}+" if "vcs_info" in source else ""
    return f"pip install '{NAME}[{extra}] @ {vcs}{url}'"
