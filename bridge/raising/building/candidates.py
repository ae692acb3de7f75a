"""The orders that rules ask for, made from the order that a tensor has.

A rule moves as little as it can: an axis that lies whole on one stored axis keeps the order it
has inside (a channel axis that was shuffled, a flattened one), and the weights follow it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain, groupby

from bridge.errors import UnsupportedError
from bridge.layout import Atom, Concatenated, Layout
from bridge.raising.table import Node, Operand, Shape

MAX_BROADCAST = 5


def whole(x: Operand, axis: int) -> Layout:
    """The inner order of a logical axis: as it is stored, or plain where it lies scattered."""
    if x.layout.where(axis) is not None:
        return x.layout.axis(axis)
    return Layout.identity((x.shape[axis],))


def with_whole(x: Operand, axes: Sequence[int]) -> Layout:
    """The order that x has, if each of the axes lies whole and plain in it, on a stored axis of
    its own; else ONNX's order."""
    fits = on_distinct_axes(x.layout, axes) and all(
        x.layout.axis(axis).is_identity for axis in axes
    )
    return x.layout if fits else Layout.identity(x.shape)


def on_distinct_axes(layout: Layout, axes: Collection[int]) -> bool:
    """Whether each of the axes lies whole, on a stored axis of its own: axes of size 1 may share
    one, which no two of them can grow along."""
    places = {layout.where(axis) for axis in axes}
    return None not in places and len(places) == len(axes)


def axis_order(layout: Layout) -> tuple[int, ...] | None:
    """In which order whole, plain axes lie: then `Layout.ordered(shape, order)` is this layout.

    None where one lies split, shares its place or has an inner order.
    """
    places = [layout.where(axis) for axis in range(layout.rank)]
    if None in places or len(set(places)) < layout.rank or len(layout.stored) != layout.rank:
        return None
    if not all(layout.axis(axis).is_identity for axis in range(layout.rank)):
        return None
    return tuple(sorted(range(layout.rank), key=lambda axis: places[axis] or 0))


def is_presentable(layout: Layout) -> bool:
    """Whether a user can read an output stored so: one stored axis for each logical axis."""
    whole = all(layout.where(axis) is not None for axis in range(layout.rank))
    return whole and len(layout.stored) == layout.rank


def sized(layout: Layout, shape: Shape) -> Layout | None:
    """The same order for a tensor of as many axes, or of the last ones: those of another size are
    plain inside. None for more axes, and where they do not lie apart."""
    if layout.logical_shape == shape:
        return layout
    if layout.rank < len(shape) or not on_distinct_axes(layout, range(layout.rank)):
        return None
    layout = layout.dropped(range(layout.rank - len(shape)))
    places = [layout.where(axis) or 0 for axis in range(layout.rank)]
    parts = [
        layout.axis(axis) if layout.logical_shape[axis] == size else Layout.identity((size,))
        for axis, size in enumerate(shape)
    ]
    return Layout.product(parts, sorted(range(layout.rank), key=places.__getitem__))


def channels_last(
    x: Operand, identity_channels: bool = False, spatial: Sequence[int] | None = None
) -> Layout:
    """`n c *s -> n *s c`, spatial axes plain, and if no order is given in that of x where it has
    one; n and c keep their inner order unless c may not."""
    plain = [Layout.identity((size,)) for size in x.shape]
    channels = plain[1] if identity_channels else whole(x, 1)
    between = spatial or spatial_order(x.layout) or range(2, x.rank)
    return Layout.product([whole(x, 0), channels, *plain[2:]], (0, *between, 1))


def spatial_order(layout: Layout) -> tuple[int, ...] | None:
    """In which order the axes from 2 on lie; None unless each lies whole and plain."""
    axes = range(2, layout.rank)
    if not on_distinct_axes(layout, axes) or not all(
        layout.axis(axis).is_identity for axis in axes
    ):
        return None
    return tuple(sorted(axes, key=lambda axis: layout.where(axis) or 0))


def spatial_layouts(x: Operand) -> list[tuple[int, ...]]:
    """The orders of the spatial axes that a window can go over: that of x, and ONNX's."""
    plain = tuple(range(2, x.rank))
    return list(dict.fromkeys([spatial_order(x.layout) or plain, plain]))


def free_layouts(node: Node, axis: int) -> list[Layout]:
    """The inner orders of an axis of the result that is made by a weight alone: plain, and as it
    is wished."""
    plain, preferred = Layout.identity((node.shape[axis],)), node.preferred_layout
    if preferred is None or preferred.where(axis) is None or preferred.axis(axis).is_identity:
        return [plain]
    return [plain, preferred.axis(axis)]


def output_layouts_of(node: Node, x: Operand, group: int) -> list[tuple[tuple[int, ...], Layout]]:
    """In which orders a convolution in groups can have its spatial axes, and make its channels:
    those of several groups lie one group behind the other."""
    plain = [Layout.identity((node.shape[1],))]
    channels = free_layouts(node, 1) if group == 1 else plain
    return [(spatial, each) for spatial in spatial_layouts(x) for each in channels]


def made(node: Node, x: Layout, spatial: Sequence[int], channels: Layout) -> Layout:
    """How a convolution stores what it makes: the batch as x has it, the spatial axes, channels."""
    sizes = [Layout.identity((size,)) for size in node.shape[2:]]
    return Layout.product([x.axis(0), channels, *sizes], (0, *spatial, 1))


def resized(layout: Layout, shape: Shape, axes: Sequence[int]) -> Layout:
    """The same order, with the sizes of some axes taken from `shape`."""
    for axis in axes:
        layout = layout.resized(axis, shape[axis])
    return layout


def replaced(base: Layout, axis: int, inner: Layout) -> Layout:
    """With the axes of `inner` in place of one logical axis, which lies whole, in the logical
    shape and in the store: what indexing by a tensor leaves, or by a number, which has no axis."""
    place, own, new = base.where(axis), base.members[axis], len(base.atoms)
    axes = [
        *base.members[:axis],
        *([new + atom for atom in atoms] for atoms in inner.members),
        *base.members[axis + 1 :],
    ]
    stored: list[list[int]] = []
    for index, group in enumerate(base.stored):
        left = [atom for atom in group if atom not in own]
        if index != place:
            stored.append(left)
            continue
        groups = [[new + atom for atom in atoms] for atoms in inner.stored]
        # Atoms of size 1 of other axes may lie here too, and stay where an axis is left to them.
        stored += [[*groups[0], *left], *groups[1:]] if groups else []
    return _renumbered(axes, stored, (*base.atoms, *inner.atoms))


def _renumbered(
    axes: Sequence[Sequence[int]], stored: Sequence[Sequence[int]], atoms: Sequence[Atom]
) -> Layout:
    """The layout of those atoms that are on both sides."""
    both = set(chain(*axes)) & set(chain(*stored))
    kept = [[atom for atom in axis if atom in both] for axis in axes]
    index = {atom: i for i, atom in enumerate(chain(*kept))}
    return Layout(
        tuple(tuple(atoms[atom] for atom in axis) for axis in kept),
        tuple(tuple(index[atom] for atom in group if atom in both) for group in stored),
    )


def apart(base: Layout, shapes: Sequence[Shape]) -> Layout:
    """The same order of elements, in which each of these shapes can stand `beside`.

    A stored axis that holds both an axis along which one of them is broadcast and an axis along
    which it is not, as `n (c h w) -> n (h w c)` does beside one value for each channel, is cut.
    Where more axes would then take turns than TensorFlow can broadcast over, which takes those for
    one that follow each other and are broadcast alike, the order is ONNX's.
    """
    owner = [axis for axis, atoms in enumerate(base.axes) for _ in atoms]
    spread = [
        tuple(axis not in _spanned(base, shape) for shape in shapes) for axis in range(base.rank)
    ]
    stored = [
        [tuple(run) for _, run in groupby(group, lambda atom: spread[owner[atom]])] or [()]
        for group in base.stored
    ]
    turns = groupby(spread[owner[atom]] for atom in base.order if base.atoms[atom] != 1)
    if sum(1 for _ in turns) > MAX_BROADCAST:
        return Layout.identity(base.logical_shape)
    return Layout(base.axes, tuple(chain.from_iterable(stored)))


def _spanned(base: Layout, shape: Shape) -> set[int]:
    """The axes of `base` along which an operand of this shape is not broadcast."""
    lead, sizes = base.rank - len(shape), base.logical_shape
    axes = range(lead, base.rank)
    return {axis for axis in axes if shape[axis - lead] != 1 or sizes[axis] == 1}


def beside(base: Layout, shape: Shape) -> Layout:
    """How an operand must be stored to broadcast against a tensor stored as `base`.

    ONNX aligns shapes at their ends; an axis that the operand lacks, or has at size 1 where the
    tensor is larger, is an axis of size 1 in store: `c 1 1` beside `n c h w -> n h w c` is
    stored as `1 1 1 c`. Where only one of the two knows a size, the operand keeps its own.
    Raises UnsupportedError where the tensor has such an axis in another inner order.
    """
    lead = base.rank - len(shape)
    numbers = iter(range(sum(map(len, base.axes))))
    axes: list[tuple[Atom, ...]] = []
    renumbered: dict[int, int] = {}
    for axis, atoms in enumerate(base.axes):
        own = [next(numbers) for _ in atoms]
        if axis < lead:
            continue
        size = shape[axis - lead]
        if size != base.logical_shape[axis]:
            if size != 1 and (len(atoms) > 1 or isinstance(atoms[0], Concatenated)):
                raise UnsupportedError(f"{size} beside {base.logical_shape[axis]}, an unknown size")
            renumbered[own[0]] = sum(map(len, axes))
            axes.append((size,))
        else:
            for atom in own:
                renumbered[atom] = sum(map(len, axes)) + atom - own[0]
            axes.append(atoms)
    stored = tuple(tuple(renumbered[a] for a in group if a in renumbered) for group in base.stored)
    return Layout(tuple(axes), stored)
