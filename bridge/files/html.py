"""Tables for notebooks, and HTML pages of templates beside the modules that fill them: one file
that needs nothing else, from which no name of a model can break out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from bridge.errors import UsageError, plain
from bridge.public.extras import pip_install


def rendered(
    package: str, values: Mapping[str, Any], filters: Mapping[str, Callable[..., str]] | None = None
) -> str:
    """The text of a package's page.html.jinja, with these values and filters in it. It may include
    files of other packages, by their paths below bridge.

    Raises UsageError if jinja2 is missing.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise UsageError(
            "jinja2 is needed for a page",
            received=str(error),
            hint=pip_install("report"),
        ) from error
    environment = Environment(
        loader=PackageLoader("bridge", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters or {}
    folder = package.removeprefix("bridge.").replace(".", "/")
    page = environment.get_template(f"{folder}/page.html.jinja").render(values)
    # The name of a file may be bytes that are no text.
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


LONGEST_TABLE = 30
"""Rows: a notebook shows a table as a part of a page."""


def table(title: object, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A short table for a notebook's `_repr_html_`, of texts in which no tag counts."""
    shown = [_row("td", row) for row in rows[:LONGEST_TABLE]]
    if (more := len(rows) - LONGEST_TABLE) > 0:
        shown.append(f'<tr><td colspan="{len(heads)}">and {more} more</td></tr>')
    body = "".join((_row("th", heads), *shown)) if rows else ""
    return f"<p>{escape(plain(title))}</p><table>{body}</table>"


def _row(tag: str, cells: Sequence[object]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(plain(cell))}</{tag}>' for cell in cells)}</tr>"


def dims(shape: Sequence[int | str]) -> str:
    """A shape as text."""
    return " ".join(map(str, shape))
