"""What the commands print: tables, verdicts and warnings."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bridge.errors import ACTING, plain

if TYPE_CHECKING:
    from bridge.check.compare import Verdict


def words(shape: Sequence[int | str]) -> str:
    return " ".join(map(str, shape))


def show_warnings(warnings: Sequence[str]) -> None:
    for warning in warnings:
        print(f"warning: {plain(warning)}", file=sys.stderr)


def say(*texts: object) -> None:
    """Prints a line for each, whatever names are in it."""
    for text in texts:
        print(plain(text))


def show_json(value: object) -> None:
    """As JSON, in which escapes stand for all that a terminal would not print."""
    for line in json.dumps(value, indent=1, ensure_ascii=False).split("\n"):
        print(ACTING.sub(lambda match: f"\\u{ord(match[0]):04x}", line))


_STYLES: Mapping[Verdict, str] = {"equal": "green", "differs": "red", "cannot tell": "yellow"}


def show_verdict(text: str, verdict: Verdict) -> None:
    """In colour in a terminal, unless NO_COLOR is set."""
    text = plain(text)
    if not sys.stdout.isatty():
        print(text)
        return
    from rich.console import Console
    from rich.text import Text

    Console().print(Text(text, _STYLES[verdict]), soft_wrap=True)


def show_table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], optional: Sequence[str] = ()
) -> None:
    """A plain table; in a pipe its lines are never cut, for the next program. In a terminal it is
    as wide as that: columns of `optional` heads are left out, the first one first, until the others
    fit, and then names go on in the next line."""
    rows = [[plain(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _draw_table(heads, rows, optional)
        return
    widths = _widths(heads, rows)
    for row in (heads, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(GAP.join(cells).rstrip())


GAP = "  "


def _widths(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Sequence[int]:
    return [max(map(len, column)) for column in zip(heads, *rows, strict=True)]


def _draw_table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], optional: Sequence[str]
) -> None:
    """rich is imported here, as it takes as long as a small net."""
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    console = Console()
    shown = _fitting(heads, _widths(heads, rows), optional, console.width)
    columns = [Column(heads[i], overflow="fold") for i in shown]
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(row[i]) for i in shown))
    console.print(table)
    if left_out := [head for i, head in enumerate(heads) if i not in shown]:
        wider = f"without {', '.join(left_out)}, which a wider terminal or a pipe shows"
        console.print(Text(f"({wider})", "dim"))


def _fitting(
    heads: Sequence[str], widths: Sequence[int], optional: Sequence[str], width: int
) -> Sequence[int]:
    """The columns that are shown."""
    shown = [*range(len(heads))]
    for head in optional:
        if sum(widths[i] for i in shown) + len(GAP) * (len(shown) - 1) <= width:
            break
        shown.remove(heads.index(head))
    return shown
