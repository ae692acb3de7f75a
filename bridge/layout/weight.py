"""Weights, read lazily and stored in a layout of their own, copied at most once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from bridge.layout.concatenated import Array
from bridge.layout.layout import Layout


@dataclass(frozen=True)
class Span:
    """Where a weight lies in its file, as little-endian float32 in C order (offsets in bytes)."""

    path: Path
    offset: int
    length: int


@dataclass(frozen=True)
class Weight:
    """A constant tensor, not read yet, and the layout in which it will be stored.

    `read` returns the tensor, of `shape`, which must be the logical shape of `layout` (ValueError
    otherwise). It computes it from the physical arrays of the `sources` with numpy functions alone,
    so that its formula can be traced. A weight with a `name` is a constant of the graph and has no
    sources.
    """

    read: Callable[..., Array] = field(repr=False)
    shape: tuple[int, ...]
    layout: Layout
    sources: tuple[Weight, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        if self.layout.logical_shape != self.shape:
            raise ValueError(f"a weight of {self.shape} cannot be stored as {self.layout}")

    @property
    def stored_shape(self) -> tuple[int, ...]:
        return tuple(map(int, self.layout.stored_shape))

    def array(self) -> Array:
        """The physical array, contiguous: `layout.apply(read())`. Read and copied once."""
        return self._array

    def with_layout(self, layout: Layout) -> Weight:
        """The same tensor, stored in another layout."""
        return replace(self, layout=layout)

    @property
    def constants(self) -> tuple[Weight, ...]:
        """The constants of the graph that it is computed from, without duplicates."""
        if self.name:
            return (self,)
        return tuple(
            dict.fromkeys(chain.from_iterable(source.constants for source in self.sources))
        )

    def computed_from(self, constants: Callable[[Weight], Any]) -> Any:
        """What `array()` would be with these arrays, or Traced ones, as its constants."""
        if self.name:
            values = constants(self)
        else:
            values = self.read(*(source.computed_from(constants) for source in self.sources))
        return self._simplest_layout.apply(values.reshape(self.shape))

    @property
    def _simplest_layout(self) -> Layout:
        """An equivalent layout without axes for atoms of size 1, which takes fewer reshapes."""
        more_atoms = len(self.layout.atoms) > len(self.shape)
        return self.layout.canonical() if more_atoms and 1 in self.layout.atoms else self.layout

    @cached_property
    def _array(self) -> Array:
        return np.asarray(self.computed_from(lambda constant: constant.read()), order="C")
