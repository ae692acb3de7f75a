"""The results of several runs, and how far values change from one to the next: that they do shows
that a net works at all.

Only a sample of an array is kept from run to run, of the same elements every time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bridge.check.compare import Row, compare, is_ordinary
from bridge.types import Array

SAMPLE = 4096


class Variation:
    """How far values change between runs; `see` is called once for each value in each run."""

    def __init__(self) -> None:
        self._samples: dict[str, list[tuple[tuple[int, ...], Array]]] = {}

    def see(self, name: str, array: Array) -> None:
        self._samples.setdefault(name, []).append((array.shape, _sample(array)))

    def of(self, name: str) -> float | None:
        """The greatest change of a number from run to run; inf if the shape changes, or only one
        has NaN. None if there was only one run."""
        (shape, first), *others = self._samples[name]
        return max(
            (_change(first, other) if shape == s else np.inf for s, other in others), default=None
        )


class Tally:
    """The rows of each value, one for each run."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}
        self.variation = Variation()

    @property
    def names(self) -> list[str]:
        return list(self.rows)

    def order(self, names: Sequence[str]) -> None:
        """Sorts the rows into the graph's order; a run may yield them in another."""
        self.rows = {name: self.rows[name] for name in names if name in self.rows}

    def add(self, name: str, expected: Array, received: Array) -> None:
        self.rows.setdefault(name, []).append(compare(name, expected, received))
        self.variation.see(name, expected)


def _sample(array: Array) -> Array:
    flat: Array = array.reshape(-1)
    if flat.size > SAMPLE:
        flat = flat[np.random.default_rng(0).integers(flat.size, size=SAMPLE)]
    return flat.astype(np.float64)


def _change(one: Array, other: Array) -> float:
    ordinary = is_ordinary(one)
    if not np.array_equal(ordinary, is_ordinary(other)):
        return np.inf
    changes = np.abs(np.where(ordinary, one, 0.0) - np.where(ordinary, other, 0.0))
    return float(changes.max(initial=0.0))
