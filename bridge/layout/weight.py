"""Weights: constant arrays, read lazily and stored in a layout of their own."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np

from bridge.layout.layout import Layout
from bridge.types import Array

FLOAT = np.dtype(np.float32)
PIECE = 2**26  # bytes


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

    def pieces(self, size: int = PIECE) -> Iterator[Array]:
        """The numbers of `array()`, flat and in order, in pieces of at most so many bytes, as far
        as its axes allow. Each is gone when the next one comes: neither of them nor of a mapped
        file is more in memory than one."""
        array = replace(self, layout=None).array()
        if not array.size:
            return
        spread = array if self.layout is None else _spread(_simplest(self.layout), array)
        buffer = np.empty(0, spread.dtype)
        for part in _parts(spread, size):
            if not part.flags.c_contiguous:
                if buffer.size < part.size:
                    buffer = np.empty(part.size, spread.dtype)
                target = buffer[: part.size].reshape(part.shape)
                _copy(part, target, array)
                part = target
            yield part.reshape(-1)
            release(array)

    def computed_from(self, values: Callable[[Weight], Any]) -> Any:
        """What `array()` would be with other numbers, or Traced arrays, for the weights that it is
        computed from: `values` gives them, before their layout, or None for a weight's own."""
        result = values(self)
        if result is None:
            arrays = [source.computed_from(values) for source in self.sources]
            with np.errstate(all="ignore"):  # what is no number is counted when it is written
                result = self.read(*arrays)
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


def _spread(layout: Layout, array: Array) -> Array:
    """`layout.apply(array)` with an axis for each atom, where that makes it a view."""
    sizes = [atom for atom in layout.atoms if isinstance(atom, int)]
    if len(sizes) < len(layout.atoms):
        return layout.apply(array)
    return array.reshape(sizes).transpose(layout.order)


def _parts(array: Array, size: int) -> Iterator[Array]:
    """Along its first axes, as few as it takes."""
    if array.nbytes <= size or not array.ndim:
        yield array
        return
    row = array.nbytes // len(array)
    if row > size:
        for part in array:
            yield from _parts(part, size)
        return
    count = max(1, size // row)
    for start in range(0, len(array), count):
        yield array[start : start + count]


# What is copied at a time, along the last two axes, if it is more than so many bytes: it stays in
# the processor's cache.
_TILE, _CACHED = (8, 256), 2**18


def _copy(source: Array, target: Array, mapped: Array) -> None:
    """Copies a transposed array, and lets go of the mapped file that it is a view of."""
    if source.ndim < 2 or source.nbytes <= _CACHED:
        target[...] = source
        return
    rows, columns = source.shape[-2:]
    for column in range(0, columns, _TILE[1]):
        right = slice(column, column + _TILE[1])
        for row in range(0, rows, _TILE[0]):
            down = slice(row, row + _TILE[0])
            target[..., down, right] = source[..., down, right]
        release(mapped)


def release(array: Array) -> None:
    """Lets go of what reading a view of a mapped file has brought into memory, of the whole file:
    whoever reads on fetches it again, from the system's cache. Other arrays are left alone."""
    owner: Any = None if array.flags.writeable else array
    while isinstance(owner, (np.ndarray, memoryview)):
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    if isinstance(owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
        owner.madvise(mmap.MADV_DONTNEED)
