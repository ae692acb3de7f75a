"""What the commands print: tables, warnings and progress."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.public.options import Progress


@contextmanager
def progress() -> Iterator[Progress]:
    """A spinner with the current stage on standard error; silent when that is not a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        yield status.update


def words(shape: Sequence[int | str]) -> str:
    return " ".join(map(str, shape))


def show_warnings(warnings: Sequence[str]) -> None:
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)


def show_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A plain table; in a pipe its lines are never cut, for the next program."""
    if sys.stdout.isatty():
        _draw_table(heads, rows)
        return
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def _draw_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """As wide as the terminal. rich is imported here, as it takes as long as a small net."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*heads, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)
