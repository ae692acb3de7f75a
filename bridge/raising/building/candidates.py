"""The layouts that rules ask for, derived from the layouts of their inputs.

A rule moves as little data as it can: an axis that has a stored axis of its own keeps its inner
layout (a shuffled channel axis, a flattened one), and the weights follow it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain, groupby

from bridge.errors import GraphError, UnsupportedError
from bridge.layout import Atom, Concatenated, Layout, Weight, cached
from bridge.raising.plan import Ref
from bridge.raising.table import Node, Operand, Shape

MAX_BROADCAST = 5  # axes that TensorFlow can broadcast over


def inner_layout(x: Operand, axis: int) -> Layout:
    """The layout of one logical axis: the identity layout if it has no stored axis of its own."""
    if x.layout.where(axis) is not None:
        return x.layout.axis(axis)
    return Layout.identity((x.shape[axis],))


def with_identity_axes(x: Operand, axes: Sequence[int]) -> Layout:
    """The layout of x, if each of the axes is in identity layout on a stored axis of its own; else
    the identity layout."""
    fits = on_distinct_axes(x.layout, axes) and all(
        x.layout.axis(axis).is_identity for axis in axes
    )
    return x.layout if fits else Layout.identity(x.shape)


def own_axes(layout: Layout, axes: Sequence[int]) -> tuple[Layout, tuple[int, ...]]:
    """The layout, if each of the axes has a stored axis, else the identity layout; and these stored
    axes, which axes of size 1 may share."""
    fits = all(layout.where(axis) is not None for axis in axes)
    layout = layout if fits else Layout.identity(layout.logical_shape)
    return layout, tuple(sorted({layout.where(axis) or 0 for axis in axes}))


def on_distinct_axes(layout: Layout, axes: Collection[int]) -> bool:
    """Whether each of the axes has a stored axis of its own. Axes of size 1 may share one, along
    which no two of them can grow."""
    stored_axes = {layout.where(axis) for axis in axes}
    return None not in stored_axes and len(stored_axes) == len(axes)


def axis_order(layout: Layout) -> tuple[int, ...] | None:
    """The order for which `Layout.ordered(shape, order)` is this layout.

    None if an axis is split, shares its stored axis, or is not in identity layout.
    """
    if not is_presentable(layout) or not on_distinct_axes(layout, range(layout.rank)):
        return None
    if not all(layout.axis(axis).is_identity for axis in range(layout.rank)):
        return None
    return _storage_order(layout, range(layout.rank))


def axis_orders(operands: Sequence[Operand]) -> list[tuple[int, ...]]:
    """The orders of whole axes to choose from for operands of one rank: those that they have, and
    ONNX's. Raises GraphError for operands of different ranks."""
    if len({operand.rank for operand in operands}) > 1:
        raise GraphError(
            "its inputs must have equally many axes",
            received=", ".join(" ".join(map(str, operand.shape)) for operand in operands),
        )
    tensors = [operand for operand in operands if not operand.is_constant]
    orders = [axis_order(tensor.layout) for tensor in tensors]
    onnx_order = tuple(range(operands[0].rank))
    return list(dict.fromkeys([*(order for order in orders if order is not None), onnx_order]))


def _storage_order(layout: Layout, axes: Collection[int]) -> tuple[int, ...]:
    """These axes, each of which has a stored axis of its own, in the order of the stored axes."""
    return tuple(sorted(axes, key=lambda axis: layout.where(axis) or 0))


@cached
def is_presentable(layout: Layout) -> bool:
    """Whether a user can read an output in this layout: one stored axis for each logical axis."""
    whole = all(layout.where(axis) is not None for axis in range(layout.rank))
    return whole and len(layout.stored) == layout.rank


@cached
def with_shape(layout: Layout, shape: Shape) -> Layout | None:
    """The same order of axes for a tensor of this shape, of the same rank, or of the last axes.

    Axes of another size are in identity layout. None for a higher rank, and if the axes are not on
    distinct stored axes.
    """
    if layout.logical_shape == shape:
        return layout
    if layout.rank < len(shape) or not on_distinct_axes(layout, range(layout.rank)):
        return None
    layout = layout.dropped(range(layout.rank - len(shape)))
    parts = [
        layout.axis(axis) if layout.logical_shape[axis] == size else Layout.identity((size,))
        for axis, size in enumerate(shape)
    ]
    return Layout.product(parts, _storage_order(layout, range(layout.rank)))


def channels_last(
    x: Operand, identity_channels: bool = False, spatial: Sequence[int] | None = None
) -> Layout:
    """`n c *s -> n *s c`, with the spatial axes in identity layout and in the order `spatial`.

    By default they keep the order that they have in x. n and c keep their inner layouts, unless
    `identity_channels`.
    """
    identity = [Layout.identity((size,)) for size in x.shape]
    channels = identity[1] if identity_channels else inner_layout(x, 1)
    order = spatial or spatial_order(x.layout) or range(2, x.rank)
    return Layout.product([inner_layout(x, 0), channels, *identity[2:]], (0, *order, 1))


def spatial_order(layout: Layout) -> tuple[int, ...] | None:
    """The storage order of the axes from 2 on; None unless each is in identity layout on a stored
    axis of its own."""
    axes = range(2, layout.rank)
    if not on_distinct_axes(layout, axes) or not all(
        layout.axis(axis).is_identity for axis in axes
    ):
        return None
    return _storage_order(layout, axes)


def spatial_orders(x: Operand) -> list[tuple[int, ...]]:
    """The orders of the spatial axes to choose from for a window: that of x, and ONNX's."""
    onnx_order = tuple(range(2, x.rank))
    return list(dict.fromkeys([spatial_order(x.layout) or onnx_order, onnx_order]))


def free_layouts(node: Node, axis: int) -> list[Layout]:
    """The layouts to choose from for an output axis that only a weight determines: the identity
    layout, and the preferred one."""
    identity, preferred = Layout.identity((node.shape[axis],)), node.preferred_layout
    if preferred is None or preferred.where(axis) is None or preferred.axis(axis).is_identity:
        return [identity]
    return [identity, preferred.axis(axis)]


def refuse_unknown_channels(x: Operand, expected: object) -> None:
    """Raises UnsupportedError where only the data give the number of channels: n c ..."""
    if not isinstance(x.shape[1], int):
        raise UnsupportedError(
            "a convolution of channels whose number only the data give",
            expected=expected,
            received=x.shape[1],
            hint="compute the shape of its input from sizes that are known",
        )


def convolution_layouts(node: Node, x: Operand, group: int) -> list[tuple[tuple[int, ...], Layout]]:
    """The orders of the spatial axes, and the layouts of the output channels, to choose from for a
    convolution. With several groups the channels are in identity layout, group after group."""
    identity = [Layout.identity((node.shape[1],))]
    channel_layouts = free_layouts(node, 1) if group == 1 else identity
    return [(spatial, channels) for spatial in spatial_orders(x) for channels in channel_layouts]


def convolved(node: Node, x: Layout, spatial: Sequence[int], channels: Layout) -> Layout:
    """The output layout of a convolution: the batch as in x, the spatial axes, the channels."""
    sizes = [Layout.identity((size,)) for size in node.shape[2:]]
    return Layout.product([x.axis(0), channels, *sizes], (0, *spatial, 1))


def resized(layout: Layout, shape: Shape, axes: Sequence[int]) -> Layout:
    """The same layout, with the sizes of some axes taken from `shape`."""
    for axis in axes:
        layout = layout.resized(axis, shape[axis])
    return layout


def replaced(base: Layout, axis: int, inner: Layout) -> Layout:
    """With one logical axis, which has a stored axis of its own, replaced by the axes of `inner`,
    both logical and stored: the result of indexing by a tensor, or by a number, which has no axes.
    """
    stored_axis, members, new = base.where(axis), base.members[axis], len(base.atoms)
    axes = [
        *base.members[:axis],
        *([new + atom for atom in atoms] for atoms in inner.members),
        *base.members[axis + 1 :],
    ]
    stored: list[list[int]] = []
    for index, group in enumerate(base.stored):
        others = [atom for atom in group if atom not in members]
        if index != stored_axis:
            stored.append(others)
            continue
        groups = [[new + atom for atom in atoms] for atoms in inner.stored]
        # Unit atoms of other axes may be here too, and stay if there is an axis left for them.
        stored += [[*groups[0], *others], *groups[1:]] if groups else []
    return _renumbered(axes, stored, (*base.atoms, *inner.atoms))


def _renumbered(
    axes: Sequence[Sequence[int]], stored: Sequence[Sequence[int]], atoms: Sequence[Atom]
) -> Layout:
    """The layout of those atoms that are both on a logical and on a stored axis."""
    both = set(chain(*axes)) & set(chain(*stored))
    kept = [[atom for atom in axis if atom in both] for axis in axes]
    index = {atom: i for i, atom in enumerate(chain(*kept))}
    return Layout(
        tuple(tuple(atoms[atom] for atom in axis) for axis in kept),
        tuple(tuple(index[atom] for atom in group if atom in both) for group in stored),
    )


@cached
def broadcastable(base: Layout, shapes: Sequence[Shape]) -> Layout:
    """The same order of elements, in which each of these shapes has a `broadcast_layout`.

    Splits each stored axis that holds both an axis along which one of the operands is broadcast
    and an axis along which it is not, as `n (c h w) -> n (h w c)` does for one value per channel.
    TensorFlow merges adjacent axes that are broadcast alike; the identity layout if more than it
    can broadcast over would remain.
    """
    owner = [axis for axis, atoms in enumerate(base.axes) for _ in atoms]
    broadcast = [
        tuple(axis not in _spanned(base, shape) for shape in shapes) for axis in range(base.rank)
    ]
    stored = [
        [tuple(run) for _, run in groupby(group, lambda atom: broadcast[owner[atom]])] or [()]
        for group in base.stored
    ]
    runs = groupby(broadcast[owner[atom]] for atom in base.order if base.atoms[atom] != 1)
    if sum(1 for _ in runs) > MAX_BROADCAST:
        return Layout.identity(base.logical_shape)
    return Layout(base.axes, tuple(chain.from_iterable(stored)))


def _spanned(base: Layout, shape: Shape) -> set[int]:
    """The axes of `base` along which an operand of this shape is not broadcast."""
    lead, sizes = base.rank - len(shape), base.logical_shape
    axes = range(lead, base.rank)
    return {axis for axis in axes if shape[axis - lead] != 1 or sizes[axis] == 1}


@cached
def broadcast_layout(base: Layout, shape: Shape) -> Layout:
    """The layout of an operand that is broadcast against a tensor in layout `base`.

    ONNX aligns shapes at their ends. An axis that the operand lacks, or has at size 1 while the
    tensor's is larger, is a stored axis of size 1: for `n c h w -> n h w c`, an operand `c 1 1` is
    stored as `1 1 1 c`. If only one of the two sizes is known, the operand keeps its own. Raises
    UnsupportedError if the tensor's axis is not in identity layout then.
    """
    lead = base.rank - len(shape)
    axes: list[tuple[Atom, ...]] = []
    renumbered: dict[int, int] = {}
    for axis in range(lead, base.rank):
        size, atoms, members = shape[axis - lead], base.axes[axis], base.members[axis]
        start = sum(map(len, axes))
        if size == base.logical_shape[axis]:
            renumbered |= {atom: start + i for i, atom in enumerate(members)}
            axes.append(atoms)
            continue
        if size != 1 and (len(atoms) > 1 or isinstance(atoms[0], Concatenated)):
            raise UnsupportedError(
                f"broadcasting {size} against {base.logical_shape[axis]}, an unknown size"
            )
        renumbered[members[0]] = start
        axes.append((size,))
    stored = tuple(tuple(renumbered[a] for a in group if a in renumbered) for group in base.stored)
    return Layout(tuple(axes), stored)


def layouts_of_tensors(
    operands: Sequence[Operand], layouts: Sequence[Layout]
) -> tuple[Layout | None, ...]:
    """The input layouts of a candidate that uses constants as weights: None for each of them."""
    pairs = zip(operands, layouts, strict=True)
    return tuple(None if operand.is_constant else layout for operand, layout in pairs)


def with_constants(
    operands: Sequence[Operand], layouts: Sequence[Layout], refs: Sequence[Ref]
) -> list[Ref | Weight]:
    """The arguments of a call: the refs of the tensors, and the constants as weights."""
    tensors = iter(refs)
    return [
        operand.weight(layout) if operand.is_constant else next(tensors)
        for operand, layout in zip(operands, layouts, strict=True)
    ]
