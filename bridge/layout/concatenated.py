"""An axis made of several laid end to end, each stored in an inner order of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, Generic, Protocol, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from bridge.layout.size import Size

Array: TypeAlias = NDArray[Any]


class Part(Protocol):
    """What is asked of each part. It is a `Layout`, which is made of atoms such as these."""

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
    """An atom whose size is a sum: what Concat makes of axes whose inner orders differ.

    No product of atoms says the same, so it is never cut. `parts` are layouts of one axis each,
    two or more, of known sizes; ValueError else. `Layout.concatenated` makes them, in a normal
    form in which equal layouts are equal: no part is a Concatenated itself, no two neighbours are
    identity layouts.
    """

    parts: tuple[P, ...]

    def __post_init__(self) -> None:
        if len(self.parts) < 2:
            raise ValueError("a Concatenated has two parts or more")
        if any(part.rank != 1 or len(part.stored) != 1 for part in self.parts):
            raise ValueError("each part of a Concatenated has one logical and one stored axis")
        if any(isinstance(part.logical_shape[0], str) for part in self.parts):
            raise ValueError("parts in different orders cannot be joined while a size is unknown")

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(int(part.logical_shape[0]) for part in self.parts)

    @cached_property
    def size(self) -> int:
        return sum(self.sizes)

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """Which element of the axis lies at each place: `apply(x, i) == x.take(order, i)`."""
        return self.apply(np.arange(self.size), axis=0)

    def apply(self, array: Array, axis: int) -> Array:
        """An array with this atom as one of its axes: each part of it in its inner order."""
        pieces = []
        for part, size, stop in zip(self.parts, self.sizes, accumulate(self.sizes), strict=True):
            piece = array[(*[slice(None)] * axis, slice(stop - size, stop))]
            pieces.append(part.within(piece.shape, axis).apply(piece))
        return np.concatenate(pieces, axis=axis)

    def inverse(self) -> Concatenated[P]:
        return Concatenated(tuple(part.inverse() for part in self.parts))

    def compose(self, other: Concatenated[P]) -> Sequence[P]:
        """First this, then the other, part by part; ValueError unless the sizes are the same."""
        if self.sizes != other.sizes:
            raise ValueError(f"parts of {self.sizes} and {other.sizes} do not match")
        return [one.compose(two) for one, two in zip(self.parts, other.parts, strict=True)]


AtomOf: TypeAlias = int | str | Concatenated[P]


def size_of(atom: AtomOf[Any]) -> Size:
    """How long an atom is."""
    return atom.size if isinstance(atom, Concatenated) else atom
