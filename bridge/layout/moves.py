"""What it takes to turn one store of a tensor into another."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.layout.arrangement import Shape
from bridge.layout.concatenated import size_of
from bridge.layout.layout import Layout
from bridge.layout.size import Size, quotient


@dataclass(frozen=True)
class Moves:
    """Reshape to `before`, transpose by `order`, reshape to `after`, each unless it is None.

    `Moves()` is nothing to do; with `after` alone, no element moves.
    """

    before: Shape | None = None
    order: tuple[int, ...] | None = None
    after: Shape | None = None


def moves(have: Layout, want: Layout) -> Moves | None:
    """From the store `have` to the store `want`, of one tensor x:
    `have.apply(x).reshape(before).transpose(order).reshape(after) == want.apply(x)`.

    Whole stored axes are transposed where that is enough, for it needs no reshape; else as few
    axes as serve, neighbours that stay together being one, but with the leading axis, which is
    most often the batch, by itself where it stays leading. None where no single transpose does
    it: where the two cut an axis so that no atoms serve both, and where they differ within a
    Concatenated. Raises ValueError where the logical shapes differ.
    """
    if have.logical_shape != want.logical_shape:
        raise ValueError(f"{have.logical_shape} and {want.logical_shape} are not one tensor")
    source, target = have.stored_shape, want.stored_shape
    if have.same_element_order(want):
        return Moves(after=_unless(source, target))
    refined = have.flat().refine(want.flat())
    if refined is None or refined[0].atoms != refined[1].atoms:
        return None
    change = _change(*refined)
    whole = _whole_axes(change, source, target)
    if whole is not None:
        return Moves(order=whole)
    sizes, order = tuple(map(size_of, change.atoms)), change.order
    if source[0] == target[0]:
        sizes, order = _set_apart(source[0], sizes, order)
    moved = tuple(sizes[axis] for axis in order)
    return Moves(_unless(source, sizes), order, _unless(moved, target))


def _change(have: Layout, want: Layout) -> Layout:
    """The layout that the one store needs, taken for a tensor, to become the other; both of the
    same atoms, one axis to one axis."""
    place = {atom: i for i, atom in enumerate(have.order)}
    axis = tuple(size_of(have.atoms[atom]) for atom in have.order)
    return Layout((axis,), (tuple(place[atom] for atom in want.order),)).canonical()


def _unless(shape: Shape, wanted: Shape) -> Shape | None:
    """What to reshape to, if anything."""
    return None if shape == wanted else wanted


def _whole_axes(change: Layout, source: Shape, target: Shape) -> tuple[int, ...] | None:
    """The order of whole axes that makes this change; axes of size 1 fill up where they fit."""
    natural = change.grouped(source)
    if natural is None or any(len(atoms) > 1 for atoms in natural.axes):
        return None
    if len(source) != len(target) or source.count(1) != target.count(1):
        return None
    units = iter([axis for axis, size in enumerate(source) if size == 1])
    others = iter([axis for axis in natural.order if source[axis] != 1])
    order = tuple(next(units if size == 1 else others) for size in target)
    return order if tuple(source[axis] for axis in order) == target else None


def _set_apart(
    lead: Size, sizes: tuple[Size, ...], order: tuple[int, ...]
) -> tuple[Shape, tuple[int, ...]]:
    """The same transpose with the leading axis by itself, if it is part of an axis that stays."""
    inner = quotient(sizes[0], lead)
    if inner is None or inner == 1 or (lead != 1 and order[0] != 0):
        return sizes, order
    return (lead, inner, *sizes[1:]), (0, *(axis + 1 for axis in order))
