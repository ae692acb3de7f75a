"""How the elements of a tensor are arranged in the array that holds it, as plain data.

A tensor has a *logical* shape, the one in the ONNX graph, and a *physical* array, the one in Keras.
Each logical axis is split into *atoms*, and each axis of the physical array holds some of them:

    n c h w -> n h w c            channels last
    n (c h w) -> n (h w c)        the same physical array after Flatten: no data moved

The position of an atom of size 1 does not change the order of elements. It only marks where an axis
of size 1 is: a single channel, say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from typing import Any, Generic, TypeAlias, TypeVar

from bridge.layout.cached import cached
from bridge.layout.concatenated import AtomOf, P, size_of
from bridge.layout.size import Size, product

Shape: TypeAlias = tuple[Size, ...]

Item = TypeVar("Item")


class _Interned(type):
    """Of equal arrangements there is one as long as it is in use: a graph has the same few again
    and again, and each works out its shapes, and what becomes of it, once."""

    @lru_cache(maxsize=2**14)  # noqa: B019 - of the class, of which there is one
    def __call__(cls, axes: Any, stored: Any) -> Any:
        return super().__call__(axes, stored)


@dataclass(frozen=True)
class Arrangement(Generic[P], metaclass=_Interned):
    """The atoms of a tensor, on its logical and on its stored axes.

    `axes` has the atoms of each logical axis. `stored` has those of each axis of the physical
    array, as indices into the flat list of atoms in logical order. An axis without atoms has size
    1. Raises ValueError unless each atom is stored exactly once, and for sizes below 0.
    """

    axes: tuple[tuple[AtomOf[P], ...], ...]
    stored: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        if sorted(self.order) != list(range(len(self.atoms))):
            raise ValueError(f"{len(self.atoms)} atoms are not stored once each by {self.stored}")
        if any(isinstance(atom, int) and atom < 0 for atom in self.atoms):
            raise ValueError(f"sizes must be at least 0, not {self.axes}")

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.axes, self.stored))

    @cached_property
    def atoms(self) -> tuple[AtomOf[P], ...]:
        """All atoms in logical order. Other attributes refer to them by index."""
        return tuple(chain.from_iterable(self.axes))

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The atoms in storage order."""
        return tuple(chain.from_iterable(self.stored))

    @cached_property
    def members(self) -> tuple[tuple[int, ...], ...]:
        """The atoms of each logical axis, as indices, as `stored` has them for each stored axis."""
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
        return stored_shape_of(self.atoms, self.stored)

    @cached
    def where(self, axis: int) -> int | None:
        """The stored axis that holds this logical axis and nothing else, in any inner order.

        None if the axis is split over several or shares one. Atoms of size 1 do not count, except
        that an axis of size 1 is where its atom is (on the first such stored axis of size 1).
        """
        members = set(self.members[axis])
        non_unit = self._non_unit(members)
        groups = enumerate(self.stored)
        return next(
            (i for i, group in groups if members & {*group} and self._non_unit(group) == non_unit),
            None,
        )

    def _non_unit(self, atoms: Iterable[int]) -> set[int]:
        """The atoms that determine the order of elements: all but those of size 1."""
        return {atom for atom in atoms if self.atoms[atom] != 1}


def stored_shape_of(atoms: Sequence[AtomOf[Any]], stored: Iterable[Iterable[int]]) -> Shape:
    """The shape of the physical array that holds these atoms."""
    return tuple(product(size_of(atoms[i]) for i in group) for group in stored)


def runs(items: Iterable[Item], same_run: Callable[[Item, Item], bool]) -> list[list[Item]]:
    """A sequence, split wherever two neighbours are not of the same run."""
    runs: list[list[Item]] = []
    for item in items:
        if runs and same_run(runs[-1][-1], item):
            runs[-1].append(item)
        else:
            runs.append([item])
    return runs
