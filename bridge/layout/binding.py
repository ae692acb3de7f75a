"""Numbers in the place of a layout's symbols, as an array has them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

from bridge.layout.concatenated import Atom, size_of
from bridge.layout.size import product, quotient

if TYPE_CHECKING:
    from bridge.layout.layout import Layout


def numbered_axes(layout: Layout, shape: Sequence[int]) -> tuple[tuple[Atom, ...], ...]:
    """The axes in canonical form, with numbers for symbols; ValueError as `Layout.bound` says."""
    problem = ValueError(f"{tuple(shape)} is no shape for {layout} of {layout.logical_shape}")
    merged, known = layout.canonical(), dict[Atom, Atom]()
    if len(shape) != layout.rank:
        raise problem
    for axis, size in sorted(zip(merged.axes, shape, strict=True), key=_count_symbols):
        unknown = {atom for atom in axis if isinstance(atom, str)} - known.keys()
        if len(unknown) == 1:
            rest = product(size_of(known.get(a, a)) for a in axis if a not in unknown)
            found = quotient(size, rest) if rest else None
            known[unknown.pop()] = 1 if found is None else found
    axes = tuple(tuple(known.get(atom, atom) for atom in axis) for axis in merged.axes)
    if tuple(product(map(size_of, axis)) for axis in axes) != tuple(shape):
        raise problem
    return axes


def stored_shape_of_empty(layout: Layout, shape: Sequence[int]) -> list[int]:
    """How an array without elements is stored, which no layout of numbers could say."""
    atoms = tuple(chain.from_iterable(numbered_axes(layout, shape)))
    groups = layout.canonical().stored
    return [int(product(size_of(atoms[i]) for i in group)) for group in groups]


def _count_symbols(axis: tuple[Sequence[Atom], int]) -> int:
    return sum(isinstance(atom, str) for atom in axis[0])
