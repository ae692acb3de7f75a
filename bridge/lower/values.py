"""What an emitter hands out and takes: values of the graph, weights that are unread, constants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from bridge.caffe.net import Blob, Shape, Span
from bridge.errors import GraphError

Dims = tuple[int | str, ...]
"""A shape in which a symbol, as "batch", may stand for a size that is not fixed."""

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


@dataclass(frozen=True)
class Weight:
    """An initializer, unread until `array()`; `span` is set where a file has its very bytes.

    `read` makes its values of the arrays of the `sources`, by numpy's functions alone; so it can
    be asked for the formula too, with `bridge.layout.Traced` arrays.
    """

    dtype: int
    shape: Shape
    read: Callable[..., NDArray[Any]] = field(repr=False, compare=False)
    span: Span | None = None
    sources: tuple[Blob, ...] = ()

    def array(self) -> NDArray[Any]:
        """The values, little-endian and of shape `shape`."""
        values: NDArray[Any] = self.computed_from([blob.array() for blob in self.sources])
        return values

    def computed_from(self, sources: Sequence[Any]) -> Any:
        """What `array()` would be with these arrays for the sources."""
        return self.read(*sources).reshape(self.shape)

    @classmethod
    def derived(
        cls, shape: Shape, function: Callable[..., NDArray[Any]], *weights: Weight
    ) -> Weight:
        """A float32 weight made of the values of others, still unread."""

        def read(*sources: NDArray[Any]) -> NDArray[Any]:
            rest = iter(sources)
            return function(
                *(each.computed_from([*islice(rest, len(each.sources))]) for each in weights)
            )

        sources = chain.from_iterable(each.sources for each in weights)
        return cls(FLOAT, shape, read, sources=tuple(sources))


Operand = Value | float | Sequence[int] | NDArray[Any] | None
"""What an operator takes: a value, a constant (a float is float32, an int or ints int64), or
None for an optional input that is absent."""


def as_array(value: Any) -> NDArray[Any]:
    """A constant among the operands, as it is written."""
    if isinstance(value, float):
        return np.asarray(value, np.float32)
    if isinstance(value, np.ndarray | np.generic):
        return np.ascontiguousarray(value).reshape(np.shape(value))
    return np.asarray(value, np.int64)
