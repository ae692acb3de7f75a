"""A report as one HTML page that needs nothing else: no font, no image, no network; and no script
but the one that moves the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, log10
from pathlib import Path

from bridge.check.compare import Row, Verdict
from bridge.check.report.plot import plotted
from bridge.check.report.report import Report
from bridge.check.report.where import SHARES
from bridge.check.tolerance import CLASSES
from bridge.drawing.page import drawn
from bridge.files.html import rendered
from bridge.files.outputs import writable
from bridge.files.staging import staged

# The limits of the error bars' logarithmic scale: below the noise of float32, and a wrong layer.
SMALLEST, LARGEST = 1e-9, 1e3
# The text and the style of each verdict.
VERDICTS: Mapping[Verdict, tuple[str, str]] = {
    "equal": ("Equal", "equal"),
    "differs": ("Not equal", "different"),
    "cannot tell": ("Cannot tell", "open"),
}
TICKS = {1e-9: "10⁻⁹", 1e-6: "10⁻⁶", 1e-3: "10⁻³", 1.0: "1", 1e3: "10³"}


@dataclass(frozen=True)
class Bar:
    """An error and its limit, in percent of the scale."""

    error: float
    limit: float

    @classmethod
    def of(cls, row: Row) -> Bar:
        return cls(percent(row.error), percent(row.limit))


def percent(value: float) -> float:
    """The position of a value between SMALLEST and LARGEST; 0 or 100 beyond them."""
    if not isfinite(value):
        return 100.0
    share = log10(max(value, SMALLEST) / SMALLEST) / log10(LARGEST / SMALLEST)
    return round(100 * min(share, 1.0), 1)


def write_page(report: Report, path: str | Path) -> Path:
    """Writes the page. Raises UsageError if it cannot be written, or jinja2 is missing."""
    path = page_path(path)
    text = page(report)
    with staged(path) as file:
        file.write_text(text, encoding="utf-8")
    return path


def page_path(path: str | Path) -> Path:
    """The path of a page, refused before the comparison, which takes minutes, if it cannot be
    written. Raises UsageError."""
    return writable(Path(path), (".html",), "report")


def page(report: Report) -> str:
    """The page's text. Raises UsageError if jinja2 is missing."""
    values = {
        "report": report,
        "verdict": VERDICTS[report.verdict][0],
        "style": VERDICTS[report.verdict][1],
        "bars": {row.name: Bar.of(row) for row in report.rows},
        "classes": CLASSES,
        "ticks": [(percent(tick), text) for tick, text in TICKS.items()],
        "plot": plotted(report.rows),
        "shares": SHARES,
        "alone": False,
        **({} if report.diagram is None else drawn(report.diagram)),
    }
    return rendered("bridge.check.report", values, {"sizes": sizes, "number": number})


def sizes(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) or "a number"


def number(value: float) -> str:
    return "0" if value == 0 else f"{value:.1e}"
