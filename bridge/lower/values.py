"""The values of the graph that an emitter returns, and the operands that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from bridge.errors import GraphError
from bridge.types import Array

Dims = tuple[int | str, ...]
"""A shape in which a symbol, such as "batch", may stand for a size that is not fixed."""

FLOAT = int(onnx.TensorProto.FLOAT)
INT64 = int(onnx.TensorProto.INT64)
BOOL = int(onnx.TensorProto.BOOL)


@dataclass(frozen=True)
class Value:
    """A tensor of the graph."""

    name: str
    dtype: int
    shape: Dims

    @property
    def rank(self) -> int:
        return len(self.shape)

    def fixed(self, axis: int) -> int:
        """The size of an axis that must not be symbolic."""
        size = self.shape[axis]
        if isinstance(size, str):
            raise GraphError(f"axis {axis} of {self.name!r} has no fixed size", received=self.shape)
        return size


Operand = Value | float | Sequence[int] | Array | np.generic | None
"""What an operator takes: a value, a constant (a float is float32, an int or ints int64), or
None for an optional input that is absent."""


def as_array(value: Any) -> Array:
    """A constant operand as the array that is written."""
    if isinstance(value, float):
        return np.asarray(value, np.float32)
    if isinstance(value, np.ndarray | np.generic):
        return np.ascontiguousarray(value).reshape(np.shape(value))
    return np.asarray(value, np.int64)
