"""Comparing two arrays as the golden cases of real Caffe are compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

RELATIVE = 1e-4


def tolerance(expected: Array) -> float:
    """The greatest absolute difference that still counts as equal: 1e-4 · (1 + max|expected|)."""
    finite = np.abs(expected[np.isfinite(expected)])
    return RELATIVE * (1 + float(finite.max(initial=0)))


@dataclass(frozen=True)
class Row:
    """How one blob fared. `error` is the greatest absolute difference, inf where none can be
    given (another shape, a NaN or infinity on one side only); `place` is where it lies."""

    name: str
    expected_shape: tuple[int, ...]
    received_shape: tuple[int, ...]
    error: float
    limit: float
    place: tuple[int, ...] = ()

    @property
    def ok(self) -> bool:
        return self.error <= self.limit


def compare(name: str, expected: Array, received: Array) -> Row:
    """Compares element by element; equal infinities are equal, and so are two NaNs."""
    if expected.shape != received.shape:
        return Row(name, expected.shape, received.shape, float("inf"), tolerance(expected))
    one, other = expected.astype(np.float64), received.astype(np.float64)
    with np.errstate(invalid="ignore"):
        difference = np.abs(one - other)
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    difference = np.where(same, 0.0, np.where(np.isnan(difference), np.inf, difference))
    place = np.unravel_index(int(difference.argmax()), difference.shape) if difference.size else ()
    error = float(difference.max(initial=0))
    where = tuple(map(int, place))
    return Row(name, expected.shape, received.shape, error, tolerance(expected), where)
