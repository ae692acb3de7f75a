"""Comparing two arrays as the golden cases of real Caffe are compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bridge.types import Array

RELATIVE = 1e-4

# A value can tell right from wrong if it varies by this factor more than rounding does.
INFORMATIVE = 30

# Arrays that are equal but for rounding point in one direction, in half precision as well.
MIN_COSINE = 0.999

Verdict = Literal["equal", "differs", "cannot tell"]

# What Caffe's MAX pooling returns for a window without pixels: a mark, not a number.
LOWEST = float(np.finfo(np.float32).min)


MOST_NAMED = 4  # layers between the first and the last

# Arrays are compared in blocks that stay in the processor's cache.
BLOCK = 1 << 16


def tolerance(expected: Array) -> float:
    """The greatest absolute difference that still counts as equal: 1e-4 · (1 + max|expected|).

    NaN, infinities and -FLT_MAX say nothing about the size of the other numbers.
    """
    return RELATIVE * (1 + size(expected))


def size(array: Array) -> float:
    """max|array|, of its ordinary numbers."""
    sizes = (np.abs(block[is_ordinary(block)]).max(initial=0) for block in _blocks(array))
    return max(map(float, sizes), default=0.0)


@dataclass(frozen=True)
class Row:
    """The comparison of one blob.

    `error` is the greatest absolute difference, inf if there is none (the shapes differ, or only
    one array has NaN, an infinity or -FLT_MAX there); `place` is its index, `limit` what is
    allowed. `relative` is the greatest difference relative to the number itself, among those that
    are larger than the limit; `cosine` is of the two arrays as vectors. `not_finite` counts NaN and
    infinities in each array, the expected one first. `layers` computed the blob, in their order,
    from the compared blobs `inputs`; `kind` is the class of tolerance that they fall into.

    `size` is the greatest absolute value expected, `range` the difference between the least and the
    greatest. `doubt` says why the numbers cannot tell right from wrong, if they cannot.
    `is_output` marks an output of the net, `run` the run, counted from 0, in which it came nearest
    to its limit or went farthest beyond. `differing` is how many numbers do so then, where the row
    differs and they were counted.
    """

    name: str
    expected_shape: tuple[int, ...]
    received_shape: tuple[int, ...]
    error: float
    limit: float
    place: tuple[int, ...] = ()
    relative: float = 0.0
    cosine: float = 1.0
    not_finite: tuple[int, int] = (0, 0)
    dtypes: tuple[str, str] = ("", "")
    layers: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    kind: str = ""
    size: float = 0.0
    range: float = 0.0
    doubt: str = ""
    is_output: bool = False
    run: int = 0
    differing: int = 0

    @property
    def verdict(self) -> Verdict:
        if self.error > self.limit:
            return "differs"
        if self.doubt:
            return "cannot tell"
        is_turned = self.cosine < MIN_COSINE and self.size > INFORMATIVE * self.limit
        return "differs" if is_turned else "equal"

    @property
    def computed_by(self) -> str:
        """The layers in words. Of many, as where no value within is compared, the ends alone."""
        between = self.layers[1:-1]
        if len(between) <= MOST_NAMED:
            return ", ".join(self.layers)
        return f"{self.layers[0]}, {len(between)} more, {self.layers[-1]}"

    @property
    def count(self) -> int:
        """How many numbers are expected."""
        return prod(self.expected_shape)

    @property
    def share(self) -> float:
        """The error relative to what is allowed: above 1 where it differs."""
        if self.limit:
            return self.error / self.limit
        return float("inf") if self.error else 0.0

    @property
    def ok(self) -> bool:
        """Whether the comparison shows that it is equal."""
        return self.verdict == "equal"


def compare(name: str, expected: Array, received: Array) -> Row:
    """Compares element by element; equal infinities are equal, and so are two NaNs."""
    largest = size(expected)
    limit = RELATIVE * (1 + largest)
    not_finite = (_count_not_finite(expected), _count_not_finite(received))
    dtypes = (str(expected.dtype), str(received.dtype))
    if expected.shape != received.shape:
        shapes = (expected.shape, received.shape)
        return Row(name, *shapes, np.inf, limit, (), np.inf, 0.0, not_finite, dtypes, size=largest)
    differences = _Differences(limit)
    for one, other in zip(_blocks(expected), _blocks(received), strict=True):
        differences.add(one, other)
    index = np.unravel_index(differences.index, expected.shape) if expected.size else ()
    return Row(
        name,
        expected.shape,
        received.shape,
        error=differences.error,
        limit=limit,
        place=tuple(map(int, index)),
        relative=differences.relative,
        cosine=differences.cosine,
        not_finite=not_finite,
        dtypes=dtypes,
        size=largest,
        range=differences.range,
    )


def worst(rows: Sequence[Row]) -> Row:
    """The comparison of a blob, among those of several runs, that comes nearest to its limit or is
    farthest beyond it; one that cannot tell counts only if all others cannot tell either."""
    return max(rows, key=lambda row: (_SEVERITY.index(row.verdict), row.share))


_SEVERITY: tuple[Verdict, ...] = ("cannot tell", "equal", "differs")


class _Differences:
    """The greatest differences of two arrays, gathered block by block."""

    def __init__(self, limit: float) -> None:
        self.error, self.index, self.relative = 0.0, 0, 0.0
        self._limit, self._passed = limit, 0
        self._products = np.zeros(3)
        self._least, self._greatest = np.inf, -np.inf

    def add(self, one: Array, other: Array) -> None:
        ordinary = is_ordinary(one) & is_ordinary(other)
        self._least = min(self._least, float(one.min(where=ordinary, initial=np.inf)))
        self._greatest = max(self._greatest, float(one.max(where=ordinary, initial=-np.inf)))
        if not ordinary.all():
            one, other = self._add_extremes(one, other, ordinary)
        difference = np.abs(one - other)
        index = int(difference.argmax())
        if difference[index] > self.error:
            self.error, self.index = float(difference[index]), self._passed + index
        size = np.abs(one)
        large = size > self._limit
        if difference[index] / self._limit > self.relative and large.any():
            self.relative = max(self.relative, float((difference[large] / size[large]).max()))
        pairs = ((one, one), (other, other), (one, other))
        # Not `@`: BLAS shares so short a product among threads, which costs more than it saves.
        self._products += [np.einsum("i,i", a, b) for a, b in pairs]
        self._passed += len(one)

    def _add_extremes(
        self, one: Array, other: Array, ordinary: NDArray[np.bool_]
    ) -> tuple[Array, Array]:
        """Returns both arrays with zeros for the numbers that are not ordinary, which must be in
        both: else these differ by inf."""
        same = ordinary | (one == other) | (np.isnan(one) & np.isnan(other))
        if not same.all() and self.error < np.inf:
            self.error, self.index = np.inf, self._passed + int(same.argmin())
        return np.where(ordinary, one, 0.0), np.where(ordinary, other, 0.0)

    @property
    def range(self) -> float:
        """Of the expected array's ordinary numbers; 0.0 if there are none."""
        return max(0.0, self._greatest - self._least)

    @property
    def cosine(self) -> float:
        """Of the ordinary numbers; 1.0 for two arrays of zeros."""
        one, other, both = map(float, self._products)
        if one == 0 or other == 0:
            return float(one == other)
        return float(both / np.sqrt(one) / np.sqrt(other))


def _blocks(array: Array) -> Iterator[Array]:
    flat = array.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        yield flat[start : start + BLOCK].astype(np.float64)


def is_ordinary(array: Array) -> NDArray[np.bool_]:
    """Which numbers are neither NaN, infinite nor -FLT_MAX."""
    wide = array.astype(np.promote_types(array.dtype, np.float32), copy=False)  # no half is so low
    ordinary: NDArray[np.bool_] = np.isfinite(wide) & (wide != LOWEST)
    return ordinary


def _count_not_finite(array: Array) -> int:
    return 0 if array.dtype.kind != "f" else int(array.size - np.isfinite(array).sum())
