"""Weights that are NaN or infinite: a net with them runs, and its results are worthless."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from bridge.types import Array

if TYPE_CHECKING:
    import onnx_ir as ir


def not_finite(weights: Iterable[tuple[str, Array]]) -> Iterator[str]:
    """A line for each weight in which something is NaN or infinite.

    Single numbers are left out: they may be bounds, which can be infinite on purpose.
    """
    for name, array in weights:
        if array.dtype.kind != "f" or array.size < 2:
            continue
        # Minimum and maximum need no second array, and are NaN if anything is.
        if not np.isfinite([array.min(), array.max()]).all():
            count = array.size - np.isfinite(array).sum()
            yield f"weight '{name}': {count} of its {array.size} numbers are NaN or infinite"


def weights_of(model: ir.Model) -> Iterator[tuple[str, Array]]:
    """The initializers of a graph, read one at a time."""
    for name, value in model.graph.initializers.items():
        if value.const_value is not None and value.dtype is not None:
            yield name, value.const_value.numpy()
