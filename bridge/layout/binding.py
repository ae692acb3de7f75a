"""Symbolic sizes replaced by the numbers of a concrete array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from bridge.layout.concatenated import AtomOf, P, size_of
from bridge.layout.size import Size, product, quotient

Axes: TypeAlias = tuple[tuple[AtomOf[P], ...], ...]


def numbered_axes(axes: Axes[P], shape: Sequence[int]) -> Axes[P] | None:
    """Axes in canonical form, with numbers for their symbols. None for a shape that does not fit,
    or that leaves two symbols of one axis undetermined."""
    if len(shape) != len(axes):
        return None
    known = dict[str, Size]()

    def number(atom: AtomOf[P]) -> AtomOf[P]:
        return known.get(atom, atom) if isinstance(atom, str) else atom

    for axis, size in sorted(zip(axes, shape, strict=True), key=_count_symbols):
        unknown = {atom for atom in axis if isinstance(atom, str)} - known.keys()
        if len(unknown) == 1:
            rest = product(size_of(number(atom)) for atom in axis if atom not in unknown)
            value = quotient(size, rest) if rest else None
            known[unknown.pop()] = 1 if value is None else value
    numbered = tuple(tuple(map(number, axis)) for axis in axes)
    fits = tuple(product(map(size_of, axis)) for axis in numbered) == tuple(shape)
    return numbered if fits else None


def _count_symbols(axis: tuple[Sequence[object], int]) -> int:
    return sum(isinstance(atom, str) for atom in axis[0])
