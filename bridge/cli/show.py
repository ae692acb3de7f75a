"""What the commands print: tables and warnings, and how far they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.convert import Progress


@contextmanager
def progress() -> Iterator[Progress]:
    """A spinner with the current stage on standard error; silent when that is not a terminal."""
    from rich.console import Console

    from bridge.convert import silent

    console = Console(stderr=True)
    if not console.is_terminal:
        yield silent
        return
    with console.status("starting") as status:
        yield status.update


def words(shape: Sequence[int | str]) -> str:
    return " ".join(map(str, shape))


def show_warnings(warnings: Sequence[str]) -> None:
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)


def show_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A plain table; in a pipe as wide as its cells, whole lines for the next program."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table(*heads, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*map(Text, row))
    if not console.is_terminal:
        unbounded = console.options.update(width=sys.maxsize)
        console.width = console.measure(table, options=unbounded).maximum
    console.print(table)
