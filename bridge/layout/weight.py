"""Weights: constant arrays, read lazily and stored in a layout of their own."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np

from bridge.layout.layout import Layout
from bridge.types import Array

FLOAT = np.dtype(np.float32)


@dataclass(frozen=True)
class Span:
    """Where a weight lies in its file, as little-endian numbers in C order (offsets in bytes)."""

    path: Path
    offset: int
    length: int


@dataclass(frozen=True)
class Weight:
    """A constant array, not read before it is asked for.

    `read` returns its numbers, of `shape` and `dtype`. It computes them from the arrays of the
    `sources` with numpy functions alone, so that its formula can be traced. `span` is set if a file
    has their very bytes, so that these can be copied, or pointed to, without being read. `layout`
    says how the array will be stored, if otherwise than it is read; `shape` must be its logical
    shape (ValueError otherwise). A weight with a `name` is a constant of an ONNX graph.
    """

    shape: tuple[int, ...]
    read: Callable[..., Array] = field(repr=False)
    span: Span | None = None
    sources: tuple[Weight, ...] = ()
    layout: Layout | None = None
    name: str = ""
    dtype: np.dtype[Any] = FLOAT

    def __post_init__(self) -> None:
        if self.layout is not None and self.layout.logical_shape != self.shape:
            raise ValueError(f"a weight of {self.shape} cannot be stored as {self.layout}")

    @classmethod
    def derived(
        cls, shape: tuple[int, ...], function: Callable[..., Array], *sources: Weight
    ) -> Weight:
        """A weight computed from the arrays of others, of the dtype of the first."""
        return Weight(shape, function, sources=sources, dtype=sources[0].dtype)

    def with_layout(self, layout: Layout) -> Self:
        """The same weight, stored in another layout."""
        return replace(self, layout=layout, span=None)

    @property
    def stored_shape(self) -> tuple[int, ...]:
        return self.shape if self.layout is None else tuple(map(int, self.layout.stored_shape))

    def array(self) -> Array:
        """The physical array, contiguous: `layout.apply(read(*sources))`. A view of the file, if
        the file has it so; computed at each call otherwise, and never kept."""
        return np.asarray(self.computed_from(lambda _: None), order="C")

    def computed_from(self, values: Callable[[Weight], Any]) -> Any:
        """What `array()` would be with other numbers, or Traced arrays, for the weights that it is
        computed from: `values` gives them, before their layout, or None for a weight's own."""
        result = values(self)
        if result is None:
            result = self.read(*(source.computed_from(values) for source in self.sources))
        result = result.reshape(self.shape)
        return result if self.layout is None else _simplest(self.layout).apply(result)

    @property
    def constants(self) -> tuple[Weight, ...]:
        """The constants of the graph that it is computed from, without duplicates."""
        if self.name:
            return (self,)
        return tuple(
            dict.fromkeys(chain.from_iterable(source.constants for source in self.sources))
        )

    @property
    def leaves(self) -> tuple[Weight, ...]:
        """The weights without sources that it is computed from, as often as they are used."""
        if not self.sources:
            return (self,)
        return tuple(chain.from_iterable(source.leaves for source in self.sources))


def _simplest(layout: Layout) -> Layout:
    """An equivalent layout without axes for atoms of size 1, which takes fewer reshapes."""
    more_atoms = len(layout.atoms) > len(layout.logical_shape)
    return layout.canonical() if more_atoms and 1 in layout.atoms else layout


def release(array: Array) -> None:
    """Lets go of what reading a view of a mapped file has brought into memory, of the whole file:
    whoever reads on fetches it again, from the system's cache. Other arrays are left alone."""
    owner: Any = None if array.flags.writeable else array
    while isinstance(owner, (np.ndarray, memoryview)):
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    if isinstance(owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
        owner.madvise(mmap.MADV_DONTNEED)
