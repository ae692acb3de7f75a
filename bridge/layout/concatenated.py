"""An axis concatenated of parts, each stored in an inner layout of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, Generic, Protocol, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from bridge.layout.size import Size
from bridge.types import Array


class Part(Protocol):
    """What a part must provide. Parts are `Layout`s, which are made of atoms such as these."""

    @property
    def rank(self) -> int: ...

    @property
    def stored(self) -> tuple[tuple[int, ...], ...]: ...

    @property
    def logical_shape(self) -> tuple[Size, ...]: ...

    def within(self, shape: Sequence[Size], axis: int) -> Self: ...

    def apply(self, array: Array) -> Array: ...

    def inverse(self) -> Self: ...

    def compose(self, other: Self) -> Self: ...


P = TypeVar("P", bound=Part)


@dataclass(frozen=True)
class Concatenated(Generic[P]):
    """An atom whose size is a sum: the result of Concat where the inner layouts differ.

    No product of atoms is equivalent to it, so it is never split. `parts` are two or more one-axis
    layouts of known sizes; raises ValueError otherwise. `Layout.concatenated` gives the normal
    form, in which equivalent atoms are equal: no part is a Concatenated itself, and no two
    neighbours are identity layouts.
    """

    parts: tuple[P, ...]

    def __post_init__(self) -> None:
        if len(self.parts) < 2:
            raise ValueError("a Concatenated has two parts or more")
        if any(part.rank != 1 or len(part.stored) != 1 for part in self.parts):
            raise ValueError("each part of a Concatenated has one logical and one stored axis")
        if any(isinstance(part.logical_shape[0], str) for part in self.parts):
            raise ValueError("parts in different layouts cannot be concatenated with unknown sizes")

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(int(part.logical_shape[0]) for part in self.parts)

    @cached_property
    def size(self) -> int:
        return sum(self.sizes)

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """The element of the axis at each stored position: `apply(x, i) == x.take(order, i)`."""
        return self.apply(np.arange(self.size), axis=0)

    def apply(self, array: Array, axis: int) -> Array:
        """An array that has this atom as one axis, with each part in its inner layout."""
        pieces = []
        for part, size, stop in zip(self.parts, self.sizes, accumulate(self.sizes), strict=True):
            piece = array[(*[slice(None)] * axis, slice(stop - size, stop))]
            pieces.append(part.within(piece.shape, axis).apply(piece))
        return np.concatenate(pieces, axis=axis)

    def inverse(self) -> Concatenated[P]:
        return Concatenated(tuple(part.inverse() for part in self.parts))

    def compose(self, other: Concatenated[P]) -> Sequence[P]:
        """First this, then the other, part by part. Raises ValueError unless the sizes match."""
        if self.sizes != other.sizes:
            raise ValueError(f"parts of {self.sizes} and {other.sizes} do not match")
        return [one.compose(two) for one, two in zip(self.parts, other.parts, strict=True)]


AtomOf: TypeAlias = int | str | Concatenated[P]


def size_of(atom: AtomOf[Any]) -> Size:
    """The length of an atom."""
    return atom.size if isinstance(atom, Concatenated) else atom
