"""The lines of the result."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable
from datetime import date
from importlib.metadata import version
from typing import NamedTuple

from _bench.measure import ROOT

PAGE = ROOT / "docs" / "performance.md"
_TABLE = re.compile(r"(?<=<!-- scripts/bench --write -->\n).*?(?=<!-- end -->)", re.DOTALL)


class Row(NamedTuple):
    """One line; `bar` is the most that `value` may be. What cannot be measured has a `reason`."""

    what: str
    value: float | None
    unit: str
    bar: float | None = None
    reason: str = ""


def missed(row: Row) -> bool:
    return row.bar is not None and row.value is not None and row.value > row.bar


def show(row: Row) -> Row:
    value = f"not measured: {row.reason}" if row.value is None else f"{row.value:9.3f} {row.unit}"
    bar = "" if row.bar is None or row.value is None else f"at most {row.bar:g}"
    mark = "  <-- too much" if missed(row) else ""
    print(f"{row.what:66} {value:18} {bar}{mark}", flush=True)
    return row


def write_page(rows: Iterable[Row]) -> None:
    """Puts the table of this run into its page."""
    text = PAGE.read_text("utf-8")
    PAGE.write_text(_TABLE.sub(lambda _: _markdown(rows), text), "utf-8")


def _markdown(rows: Iterable[Row]) -> str:
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("onnxruntime", "keras", "tensorflow")
    )
    run = f"Run on {date.today():%Y-%m-%d}: {os.cpu_count()} cores, Python"
    lines = [
        f"{run} {platform.python_version()}, {versions}.",
        "",
        "| what | value | bar |",
        "| --- | --- | --- |",
        *(f"| {row.what} | {_value(row)} | {_bar(row)} |" for row in rows),
    ]
    return "\n" + "\n".join(lines) + "\n\n"


def _value(row: Row) -> str:
    if row.value is None:
        return f"not measured: {row.reason}"
    value = f"{row.value:.3g} {row.unit}".strip()
    return f"**{value}**" if missed(row) else value


def _bar(row: Row) -> str:
    return "" if row.bar is None else f"≤ {row.bar:g}"
