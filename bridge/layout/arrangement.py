"""Where the elements of a tensor lie in the array that holds it, as plain data.

A tensor has a *logical* shape, of which ONNX speaks, and a *store*, the array that Keras holds.
Each logical axis is cut into *atoms*, and each axis of the store holds some of them, in its order:

    n c h w -> n h w c            channels last
    n (c h w) -> n (h w c)        the same store after Flatten, which moved nothing

An atom of size 1 has no part in any order. It only marks a place: where a channel axis of size 1
lies.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, Generic, TypeAlias

from bridge.layout.concatenated import AtomOf, P, size_of
from bridge.layout.size import Size, product

Shape: TypeAlias = tuple[Size, ...]


@dataclass(frozen=True)
class Arrangement(Generic[P]):
    """How one tensor is stored, in atoms.

    `axes` has the atoms of each logical axis, `stored` those of each axis of the store, the latter
    as indices into the flat list of atoms in logical order. An axis may have no atoms: its size is
    1. Raises ValueError unless each atom is stored exactly once, and for sizes below 1.
    """

    axes: tuple[tuple[AtomOf[P], ...], ...]
    stored: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        if sorted(self.order) != list(range(len(self.atoms))):
            raise ValueError(f"{len(self.atoms)} atoms are not stored once each by {self.stored}")
        if any(isinstance(atom, int) and atom < 1 for atom in self.atoms):
            raise ValueError(f"sizes are 1 and more, not {self.axes}")

    @cached_property
    def atoms(self) -> tuple[AtomOf[P], ...]:
        """All atoms in logical order; an index means one of these."""
        return tuple(chain.from_iterable(self.axes))

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The atoms in the order in which they are stored."""
        return tuple(chain.from_iterable(self.stored))

    @cached_property
    def members(self) -> tuple[tuple[int, ...], ...]:
        """The atoms of each logical axis, as indices: to `axes` what `stored` is to the store."""
        indices = iter(range(len(self.atoms)))
        return tuple(tuple(next(indices) for _ in axis) for axis in self.axes)

    @property
    def rank(self) -> int:
        return len(self.axes)

    @cached_property
    def logical_shape(self) -> Shape:
        return tuple(product(map(size_of, axis)) for axis in self.axes)

    @cached_property
    def stored_shape(self) -> Shape:
        return store_shape(self.atoms, self.stored)

    def where(self, axis: int) -> int | None:
        """The stored axis that holds this logical axis and nothing else, in any inner order.

        None where the axis lies on several or shares one. Atoms of size 1 do not disturb, but an
        axis of size 1 lies where its atom does (on the first such stored axis of size 1).
        """
        own = set(self.members[axis])
        non_unit = self._non_unit(own)
        groups = enumerate(self.stored)
        return next((i for i, g in groups if own & {*g} and self._non_unit(g) == non_unit), None)

    def _non_unit(self, atoms: Iterable[int]) -> set[int]:
        """Those atoms that have part in the order of elements: all but those of size 1."""
        return {atom for atom in atoms if self.atoms[atom] != 1}


def store_shape(atoms: Sequence[AtomOf[Any]], stored: Iterable[Iterable[int]]) -> Shape:
    """The shape of the store that holds these atoms."""
    return tuple(product(size_of(atoms[i]) for i in group) for group in stored)
