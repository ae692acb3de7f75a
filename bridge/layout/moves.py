"""How to turn one physical array of a tensor into another."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.layout.arrangement import Shape
from bridge.layout.cached import cached
from bridge.layout.concatenated import size_of
from bridge.layout.layout import Layout
from bridge.layout.size import Size, quotient


@dataclass(frozen=True)
class Moves:
    """Reshape to `before`, transpose by `order`, reshape to `after`; None skips a step.

    `Moves()` does nothing. With `after` alone, no element moves.
    """

    before: Shape | None = None
    order: tuple[int, ...] | None = None
    after: Shape | None = None


@cached
def moves(source: Layout, target: Layout) -> Moves | None:
    """From the physical array in layout `source` to that in `target`, for every tensor x:
    `source.apply(x).reshape(before).transpose(order).reshape(after) == target.apply(x)`.

    Transposes whole stored axes if that is enough, since it needs no reshape. Otherwise adjacent
    axes that stay adjacent are merged, except that the leading axis, usually the batch, stays by
    itself if it stays leading. None if no single transpose is enough: the layouts have no common
    atoms, or they differ within a Concatenated. Raises ValueError if the logical shapes differ.
    """
    if source.logical_shape != target.logical_shape:
        raise ValueError(f"{source.logical_shape} and {target.logical_shape} are not one tensor")
    if source.same_element_order(target):
        return Moves(after=_reshape(source.stored_shape, target.stored_shape))
    refined = source.flat().refine(target.flat())
    if refined is None or refined[0].atoms != refined[1].atoms:
        return None
    return _transpose(_change(*refined), source.stored_shape, target.stored_shape)


def _transpose(change: Layout, source: Shape, target: Shape) -> Moves:
    """The steps that make this change of the order of elements."""
    whole_axes = _whole_axes(change, source, target)
    if whole_axes is not None:
        return Moves(order=whole_axes)
    sizes, order = tuple(map(size_of, change.atoms)), change.order
    if source[0] == target[0]:
        sizes, order = _split_leading(source[0], sizes, order)
    transposed = tuple(sizes[axis] for axis in order)
    return Moves(_reshape(source, sizes), order, _reshape(transposed, target))


def _change(source: Layout, target: Layout) -> Layout:
    """The layout that turns one physical array, as the logical one, into the other. Both have one
    logical and one stored axis, and the same atoms."""
    position = {atom: i for i, atom in enumerate(source.order)}
    axis = tuple(size_of(source.atoms[atom]) for atom in source.order)
    return Layout((axis,), (tuple(position[atom] for atom in target.order),)).canonical()


def _reshape(source: Shape, target: Shape) -> Shape | None:
    """The shape to reshape to, if it is another one."""
    return None if source == target else target


def _whole_axes(change: Layout, source: Shape, target: Shape) -> tuple[int, ...] | None:
    """The permutation of whole axes that makes this change, if one does. Axes of size 1 go wherever
    the target shape has one."""
    grouped = change.grouped(source)
    if grouped is None or any(len(atoms) > 1 for atoms in grouped.axes):
        return None
    if len(source) != len(target) or source.count(1) != target.count(1):
        return None
    units = iter([axis for axis, size in enumerate(source) if size == 1])
    others = iter([axis for axis in grouped.order if source[axis] != 1])
    order = tuple(next(units if size == 1 else others) for size in target)
    return order if tuple(source[axis] for axis in order) == target else None


def _split_leading(
    leading: Size, sizes: tuple[Size, ...], order: tuple[int, ...]
) -> tuple[Shape, tuple[int, ...]]:
    """The same transpose with the leading axis split off, if it is part of one that stays first."""
    inner = quotient(sizes[0], leading)
    if inner is None or inner == 1 or (leading != 1 and order[0] != 0):
        return sizes, order
    return (leading, inner, *sizes[1:]), (0, *(axis + 1 for axis in order))
