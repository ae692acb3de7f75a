"""Weights that are NaN or infinite: a net with them runs, and its results are worthless."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from bridge.layout import release
from bridge.types import Array

if TYPE_CHECKING:
    from bridge import ir


def not_finite(weights: Iterable[tuple[str, Array]]) -> Iterator[str]:
    """A line for each weight in which something is NaN or infinite.

    Single numbers are left out: they may be bounds, which can be infinite on purpose. None is kept
    in memory, of those in mapped files.
    """
    for name, array in weights:
        if array.dtype.kind != "f" or array.size < 2:
            continue
        if not _is_finite(array):
            count = array.size - np.isfinite(array).sum()
            yield f"weight '{name}': {count} of its {array.size} numbers are NaN or infinite"
            release(array)


# So many numbers are read before those of a mapped file are let go.
BLOCK = 1 << 22


def _is_finite(array: Array) -> bool:
    flat = array.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        block = flat[start : start + BLOCK]
        # Minimum and maximum need no second array, and are NaN if anything is.
        if not np.isfinite([block.min(), block.max()]).all():
            return False
        release(block)
    return True


def weights_of(model: ir.Model) -> Iterator[tuple[str, Array]]:
    """The initializers of a graph, read one at a time."""
    for name, value in model.graph.initializers.items():
        if value.const_value is not None and value.dtype is not None:
            yield name, value.const_value.numpy()
