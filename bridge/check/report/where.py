"""Where in an image two values differ: a small map of the channel in which they differ most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from bridge.check.compare import Row
from bridge.types import Array

CELLS = 40  # of a map, at most, in each direction

# The classes of a map: cell by cell nothing that is not allowed, and then up to these shares of its
# greatest difference.
SHARES = (0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class DifferenceMap:
    """The greatest difference in each cell of one channel, as a class: 0, or the position of its
    share in SHARES, from 1.

    `channel` is n and c of the value `name`, `size` h and w of its image.
    """

    name: str
    channel: tuple[int, int]
    size: tuple[int, int]
    cells: tuple[tuple[int, ...], ...]

    @property
    def paths(self) -> Iterator[tuple[int, str]]:
        """For each class but the lowest, the cells that have it, as SVG writes a path."""
        for level in range(1, len(SHARES) + 1):
            path = "".join(
                f"M{x} {y}h{width}v1h-{width}z"
                for y, row in enumerate(self.cells)
                for x, width in _runs(row, level)
            )
            if path:
                yield level, path


def _runs(row: tuple[int, ...], level: int) -> Iterator[tuple[int, int]]:
    """Where cells of one class begin that are side by side, and how many they are."""
    start = 0
    for value, cells in groupby(row):
        width = len(list(cells))
        if value == level:
            yield start, width
        start += width


def map_of(row: Row, differences: Array) -> DifferenceMap:
    """The map of the channel in which the row's greatest difference is, of all differences,
    n c h w."""
    n, c = row.place[:2]
    image = differences[n, c]
    for axis in (0, 1):
        image = np.maximum.reduceat(image, _starts(image.shape[axis]), axis=axis)
    largest = image.max(where=np.isfinite(image), initial=0.0) or 1.0
    classes: NDArray[np.intp] = 1 + np.digitize(image / largest, SHARES[:-1], right=True)
    classes[image <= row.limit] = 0
    cells = tuple(tuple(map(int, line)) for line in classes)
    height, width = row.expected_shape[2:]
    return DifferenceMap(row.name, (n, c), (height, width), cells)


def _starts(size: int) -> NDArray[np.int64]:
    count = min(size, CELLS)
    return np.arange(count) * size // count
