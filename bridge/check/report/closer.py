"""A closer look at values that differ: how many of their numbers do, and where in an image.

The limits are known only after all runs, and arrays are not kept: so the run in which a value
differs most is repeated, for these values alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bridge.check.compare import Row, is_ordinary
from bridge.check.report.report import Report
from bridge.check.report.where import DifferenceMap, map_of
from bridge.types import Array

MAPS = 6

Repeat = Callable[[int, Sequence[str]], Iterator[tuple[str, Array, Array]]]
"""Yields values of both models by name, in the run of this position."""


@dataclass(frozen=True)
class _Look:
    differing: int
    map: DifferenceMap | None


def looked_closer(report: Report, repeat: Repeat, *, maps: bool) -> Report:
    """The report with the number of differing values in each row that differs and, if `maps` are
    wanted, those of the first faults and of the worst of the others."""
    rows = {row.name: row for row in report.rows if _is_countable(row)}
    shown = _shown(report, rows.values()) if maps else []
    looks: dict[str, _Look] = {}
    for run in sorted({row.run for row in rows.values()}):
        names = [name for name, row in rows.items() if row.run == run]
        for name, one, other in repeat(run, names):
            is_shown = name in shown and one.shape == other.shape
            looks[name] = _look(rows[name], one, other, is_shown=is_shown)
    return replace(
        report,
        rows=tuple(
            replace(row, differing=looks[row.name].differing) if row.name in looks else row
            for row in report.rows
        ),
        maps=tuple(look.map for name in shown if (look := looks.get(name)) and look.map),
    )


def _is_countable(row: Row) -> bool:
    """Whether single numbers of it differ: not its shape or, as a whole, its direction alone."""
    return row.expected_shape == row.received_shape and row.error > row.limit


def _shown(report: Report, rows: Iterable[Row]) -> list[str]:
    faults = [row.name for row in report.faults]
    images = sorted(filter(_is_image, rows), key=lambda row: (row.name not in faults, -row.share))
    return [row.name for row in images[:MAPS]]


def _is_image(row: Row) -> bool:
    """n c h w, of more than one pixel."""
    shape = row.expected_shape
    return len(shape) == 4 and len(row.place) == 4 and min(shape[2:]) > 1


def _look(row: Row, one: Array, other: Array, *, is_shown: bool) -> _Look:
    differences = _differences(one, other) if one.shape == other.shape else np.zeros(0)
    count = int(np.count_nonzero(differences > row.limit))
    return _Look(count, map_of(row, differences) if is_shown else None)


def _differences(one: Array, other: Array) -> Array:
    """|one - other|, inf where only one is an ordinary number, and 0 where both are the same."""
    same = (one == other) | ((one != one) & (other != other))
    ordinary = is_ordinary(one) & is_ordinary(other)
    numbers = (np.where(ordinary, array, 0.0).astype(np.float64) for array in (one, other))
    differences: Array = np.abs(np.subtract(*numbers))
    return np.where(same, 0.0, np.where(ordinary, differences, np.inf))
