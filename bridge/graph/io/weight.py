"""Weights that are unread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, Protocol

import onnx
from numpy.typing import NDArray

from bridge.layout import Span

FLOAT = int(onnx.TensorProto.FLOAT)


class Source(Protocol):
    """What a weight is made of."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def array(self) -> NDArray[Any]: ...


@dataclass(frozen=True)
class Weight:
    """An initializer, unread until `array()`; `span` is set where a file has its very bytes.

    `read` makes its values of the arrays of the `sources`, by numpy's functions alone; so it can
    be asked for the formula too, with `bridge.layout.Traced` arrays.
    """

    dtype: int
    shape: tuple[int, ...]
    read: Callable[..., NDArray[Any]] = field(repr=False, compare=False)
    span: Span | None = None
    sources: tuple[Source, ...] = ()

    def array(self) -> NDArray[Any]:
        """The values, little-endian and of shape `shape`."""
        values: NDArray[Any] = self.computed_from([blob.array() for blob in self.sources])
        return values

    def computed_from(self, sources: Sequence[Any]) -> Any:
        """What `array()` would be with these arrays for the sources."""
        return self.read(*sources).reshape(self.shape)

    @classmethod
    def derived(
        cls, shape: tuple[int, ...], function: Callable[..., NDArray[Any]], *weights: Weight
    ) -> Weight:
        """A float32 weight made of the values of others, still unread."""

        def read(*sources: NDArray[Any]) -> NDArray[Any]:
            rest = iter(sources)
            return function(
                *(each.computed_from([*islice(rest, len(each.sources))]) for each in weights)
            )

        sources = chain.from_iterable(each.sources for each in weights)
        return cls(FLOAT, shape, read, sources=tuple(sources))
