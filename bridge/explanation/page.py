"""Where the page of a net is written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bridge.files.outputs import refuse_collisions, writable
from bridge.public.options import PathLike


def page_path(html: PathLike | None, read: Iterable[Path]) -> Path | None:
    """The page to write, if one is asked for, which must not be one of the files that are read.
    Raises UsageError."""
    if html is None:
        return None
    refuse_collisions({"the page": Path(html)}, read)
    return writable(Path(html), (".html",), "page")
