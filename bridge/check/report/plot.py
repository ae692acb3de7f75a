"""The error of each row and its limit, as a plot on a logarithmic scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

from bridge.check.compare import Row, Verdict

STYLES: Mapping[Verdict, str] = {
    "equal": "equal",
    "differs": "differs",
    "cannot tell": "cannot-tell",
}
WIDTH = 1000
MOST_TICKS = 6
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Tick:
    """A line across, `y` percent from the top."""

    y: float
    text: str


@dataclass(frozen=True)
class Point:
    """The error of a row."""

    x: float
    y: float
    style: str
    text: str


@dataclass(frozen=True)
class Plot:
    """Points from 0 to WIDTH and from 0 to 100, downwards; `limits` is a path as SVG has it, and
    `styles` are those of the points, with what they mean."""

    points: tuple[Point, ...]
    limits: str
    ticks: tuple[Tick, ...]
    styles: Mapping[str, str]


def plotted(rows: Sequence[Row]) -> Plot:
    """The plot of rows in their order: whole powers of ten about all of their numbers. What is 0
    is on the lowest line, and what is infinite on the highest."""
    low, high, every = _decades(rows)

    def y(value: float) -> float:
        if not isfinite(value):
            return 0.0
        exponent = log10(value) if value > 0 else low
        return round(100 * (high - min(max(exponent, low), high)) / (high - low), 2)

    step = WIDTH / max(len(rows), 1)
    points = tuple(
        Point(
            round((i + 0.5) * step, 1),
            y(row.error),
            STYLES[row.verdict],
            f"{row.name}: off by {row.error:.1e}, {row.limit:.1e} allowed",
        )
        for i, row in enumerate(rows)
    )
    limits = "".join(
        f"{'L' if i else 'M'}{round(i * step, 1)} {y(row.limit)}H{round((i + 1) * step, 1)}"
        for i, row in enumerate(rows)
    )
    ticks = (Tick(y(10.0**e), _power(e)) for e in range(low, high + 1, every))
    used = {row.verdict for row in rows}
    styles = {style: verdict for verdict, style in STYLES.items() if verdict in used}
    return Plot(points, limits, tuple(ticks), styles)


def _decades(rows: Sequence[Row]) -> tuple[int, int, int]:
    """The exponents of the powers of ten below and above all numbers, at least one apart, and how
    far apart the ticks are, of which both are some."""
    numbers = [x for row in rows for x in (row.error, row.limit) if isfinite(x) and x > 0] or [1.0]
    low, high = floor(log10(min(numbers))), ceil(log10(max(numbers)))
    every = max(ceil((high - low) / MOST_TICKS), 1)
    return low, low + every * max(ceil((high - low) / every), 1), every


def _power(exponent: int) -> str:
    return "1" if exponent == 0 else f"10{str(exponent).translate(_SUPERSCRIPTS)}"
