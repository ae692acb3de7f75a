"""Slicing tensors, and repeating them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.building.adding import add_dynamic
from bridge.raising.building.candidates import (
    axis_order,
    on_distinct_axes,
    replaced,
    resized,
    with_identity_axes,
)
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import (
    can_select,
    counted,
    length_of,
    part,
    positions_of,
    select,
    sliced,
    zeros_of_shape,
)
from bridge.raising.building.unsigned import where
from bridge.raising.plan import Ref
from bridge.raising.search.permuting import reshape
from bridge.raising.table import Candidate, Node, Operand, Shape, raises

Slicer = Callable[[Recorder, Ref], Ref]


@raises("Slice", since=10)
def slice_(
    node: Node,
    x: Operand,
    starts: Operand,
    ends: Operand,
    axes: Operand | None = None,
    steps: Operand | None = None,
) -> Candidate:
    """x[..., start:end:step, ...]                              (onnx.ai/onnx/operators, Slice)

    In any layout in which each sliced axis has a stored axis of its own.
    """
    if not (starts.is_constant and ends.is_constant):
        return _sliced_by_data(node, x, starts, ends, axes, steps)
    begins = _integers(starts)
    return _sliced(
        node,
        x,
        begins,
        _integers(ends),
        _integers(axes) if axes else range(len(begins)),
        _integers(steps) if steps else [1] * len(begins),
    )


@raises("Slice")
def slice_by_attributes(
    node: Node,
    x: Operand,
    *,
    starts: Sequence[int],
    ends: Sequence[int],
    axes: Sequence[int] | None = None,
) -> Candidate:
    """The same, with starts, ends and axes as attributes        (onnx.ai/onnx/operators, Slice)"""
    return _sliced(node, x, starts, ends, axes or range(len(starts)), [1] * len(starts))


def _sliced(
    node: Node,
    x: Operand,
    starts: Sequence[int],
    ends: Sequence[int],
    axes: Sequence[int],
    steps: Sequence[int],
) -> Candidate:
    keys = {
        axis % x.rank: slice(*key) for axis, *key in zip(axes, starts, ends, steps, strict=True)
    }
    input_layout = (
        x.layout if all(can_select(x.layout, a) for a in keys) else Layout.identity(x.shape)
    )
    output_layout, slicers = input_layout, list[Slicer]()
    for axis, key in keys.items():
        output_layout, slicer = _along(output_layout, axis, key, node.shape)
        slicers.append(slicer)

    def build(k: Recorder, x: Ref) -> Ref:
        for slicer in slicers:
            x = slicer(k, x)
        return x

    return Candidate((input_layout,), (output_layout,), build)


def _sliced_by_data(
    node: Node,
    x: Operand,
    starts: Operand,
    ends: Operand,
    axes: Operand | None,
    steps: Operand | None,
) -> Candidate:
    """From and to positions that the model computes, by steps forward."""
    count = int(starts.shape[0])
    named = [_axis(a, x.rank) for a in _integers(axes)] if axes else [*range(count)]
    by = _integers(steps) if steps else [1] * count
    if min(by, default=1) < 1:
        raise UnsupportedError("a backward slice between computed positions", received=by)
    layout = with_identity_axes(x, named)
    bounds = [_integers(o) if o.is_constant else None for o in (starts, ends)]
    output_layout = resized(layout, node.shape, named)

    def build(k: Recorder, x: Ref, *computed: Ref) -> Ref:
        tensors = iter(computed)
        first, last = (next(tensors) if numbers is None else numbers for numbers in bounds)
        for index, (axis, step) in enumerate(zip(named, by, strict=True)):
            length = k.op("cast", length_of(k, x, layout, axis), dtype="int64")
            start, end = (_bound(k, part, index, length) for part in (first, last))
            span = k.op("maximum", k.op("subtract", end, start), 0)
            steps_up = (
                span if step == 1 else k.op("floor_divide", k.op("add", span, step - 1), step)
            )
            indices = counted(k, steps_up)
            indices = indices if step == 1 else k.op("multiply", indices, step)
            indices = add_dynamic(k, k.op("cast", indices, dtype="int64"), start)
            x = k.op("take", x, indices, axis=layout.where(axis) or 0)
        return x

    inputs = [None if numbers is not None else Layout.identity((count,)) for numbers in bounds]
    absent = (None,) * ((axes is not None) + (steps is not None))
    return Candidate((layout, *inputs, *absent), (output_layout,), build)


def _axis(axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise UnsupportedError(
            "a slice along an axis that there is not", expected=f"below {rank}", received=axis
        )
    return axis % rank


def _bound(k: Recorder, bounds: Ref | Sequence[int], index: int, length: Ref) -> Ref:
    """Where a slice begins or ends: one below 0 counts from the end, and none is beyond either."""
    if isinstance(bounds, Ref):
        bound = k.op("cast", k.op("get_item", bounds, (index,)), dtype="int64")
        wrapped = k.op("where", k.op("less", bound, 0), k.op("add", bound, length), bound)
    elif bounds[index] < 0:
        wrapped = k.op("add", length, max(bounds[index], -FAR))
    else:
        return k.op("minimum", length, min(bounds[index], FAR))
    return k.op("minimum", k.op("maximum", wrapped, 0), length)


FAR = 2**31 - 1  # what stands for the end


def _along(layout: Layout, axis: int, key: slice, shape: Shape) -> tuple[Layout, Slicer]:
    """A slice along one axis: the layout of the result, and the function that builds it."""
    stored_axis, size = layout.where(axis), layout.logical_shape[axis]
    if stored_axis is None:
        raise ValueError(f"axis {axis} of {layout} has no stored axis of its own")
    if isinstance(size, int):
        indices = range(size)[key]
        if indices.step == 1:
            output_layout, positions = part(layout, axis, indices.start, indices.stop)
        else:
            output_layout = replaced(layout, axis, Layout.identity((len(indices),)))
            positions = [positions_of(layout, axis)[index] for index in indices]
        return output_layout, lambda k, x: select(k, x, stored_axis, positions, size)
    output_layout = replaced(layout, axis, Layout.identity((shape[axis],)))
    if key.step > 0:
        return output_layout, lambda k, x: sliced(k, x, stored_axis, key, None)
    if key.step != -1 or key.start < -1 or key.stop > -(2**31):
        raise UnsupportedError("a partial backward slice of an axis of unknown size")
    return output_layout, lambda k, x: k.op("flip", x, axis=stored_axis)


def _integers(operand: Operand) -> list[int]:
    return [int(value) for value in operand.array().reshape(-1)]


@raises("Split")
def split(
    node: Node,
    x: Operand,
    sizes: Operand | None = None,
    *,
    axis: int = 0,
    split: Sequence[int] | None = None,
    num_outputs: int | None = None,
) -> Candidate:
    """x split along an axis, into parts of these sizes or of equal ones

    (onnx.ai/onnx/operators, Split)
    """
    axis %= x.rank
    size = x.shape[axis]
    if not isinstance(size, int):
        raise UnsupportedError("a Split of an axis of unknown size")
    lengths = _integers(sizes) if sizes else split or [int(s[axis]) for s in node.shapes]
    input_layout = x.layout if x.layout.where(axis) is not None else Layout.identity(x.shape)
    ends = list(accumulate(lengths))
    parts = [
        part(input_layout, axis, end - length, end)
        for end, length in zip(ends, lengths, strict=True)
    ]
    stored_axis = input_layout.where(axis) or 0
    in_order = [index for _, positions in parts for index in positions] == list(range(size))

    def build(k: Recorder, x: Ref) -> tuple[Ref, ...]:
        if in_order and len(parts) > 1 and len(set(lengths)) == 1:
            return k.ops("split", x, len(parts), axis=stored_axis, outputs=len(parts))
        return tuple(select(k, x, stored_axis, positions, size) for _, positions in parts)

    return Candidate((input_layout,), tuple(output_layout for output_layout, _ in parts), build)


@raises("Tile", since=6)
def tile(node: Node, x: Operand, repeats: Operand) -> Candidate:
    """x repeated along axes                                       (onnx.ai/onnx/operators, Tile)"""
    counts = {axis: count for axis, count in enumerate(_integers(repeats)) if count != 1}
    fits = all(can_select(x.layout, axis) for axis in counts)
    input_layout = (
        x.layout if fits and on_distinct_axes(x.layout, counts) else Layout.identity(x.shape)
    )
    return _repeated(input_layout, input_layout, counts)


@raises("Expand")
def expand(node: Node, x: Operand, shape: Operand) -> Candidate:
    """x repeated along axes of size 1, to a shape that it broadcasts to

    (onnx.ai/onnx/operators, Expand)
    """
    sizes = (1,) * (len(node.shape) - x.rank) + x.shape
    counts: dict[int, int] = {}
    for axis, (size, new_size) in enumerate(zip(sizes, node.shape, strict=True)):
        if size == new_size:
            continue
        if size != 1 or not isinstance(new_size, int):
            return _expanded_by_data(node, x, shape)
        counts[axis] = new_size
    expanded = x.layout
    for _ in range(len(node.shape) - x.rank):
        expanded = expanded.inserted(0)
    if on_distinct_axes(expanded, counts):
        return _repeated(x.layout, expanded, counts)
    return _repeated(Layout.identity(x.shape), Layout.identity(sizes), counts)


def _expanded_by_data(node: Node, x: Operand, shape: Operand) -> Candidate:
    """To sizes that the model computes: by zeros of that shape, with which x is broadcast."""
    keeps = x.rank == len(node.shape) and axis_order(x.layout) is not None
    layout = x.layout if keeps else Layout.identity(x.shape)
    changed = [
        a for a, sizes in enumerate(zip(x.shape, node.shape, strict=False)) if len({*sizes}) > 1
    ]
    output_layout = resized(layout, node.shape, changed) if keeps else Layout.identity(node.shape)
    dtype = x.dtype

    def build(k: Recorder, x: Ref, shape: Ref) -> Ref:
        zeros = zeros_of_shape(k, shape, output_layout)
        return where(k, k.op("equal", zeros, 0), x, x, dtype)

    return Candidate((layout, Layout.identity(shape.shape)), (output_layout,), build)


def _repeated(input_layout: Layout, expanded: Layout, counts: Mapping[int, int]) -> Candidate:
    """A tensor in `input_layout`, or `expanded` if with leading axes of size 1, repeated."""
    output_layout, repeats = expanded, [1] * len(expanded.stored_shape)
    for axis, count in counts.items():
        repeats[expanded.where(axis) or 0] = count
        inner = Layout.concatenated([expanded.axis(axis)] * count)
        output_layout = replaced(output_layout, axis, inner)

    def build(k: Recorder, x: Ref) -> Ref:
        if input_layout.stored_shape != expanded.stored_shape:
            x = reshape(k, x, input_layout.stored_shape, expanded.stored_shape)
        return k.op("tile", x, repeats=repeats) if counts else x

    return Candidate((input_layout,), (output_layout,), build)
