"""Operators that find elements, and those that pick them by where they are."""

from __future__ import annotations

from math import prod

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.building.candidates import axis_order, replaced, with_identity_axes
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import arange_like, can_select, positions_of, select
from bridge.raising.plan import Ref
from bridge.raising.rules.elementwise import reshaped
from bridge.raising.table import Candidate, Node, Operand, raises


@raises("ArgMax")
def arg_max(
    node: Node, x: Operand, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0
) -> Candidate:
    """The place of the greatest along an axis                  (onnx.ai/onnx/operators, ArgMax)"""
    return _arg(node, "argmax", x, axis, keepdims, select_last_index)


@raises("ArgMin")
def arg_min(
    node: Node, x: Operand, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0
) -> Candidate:
    """The place of the least along an axis                     (onnx.ai/onnx/operators, ArgMin)"""
    return _arg(node, "argmin", x, axis, keepdims, select_last_index)


def _arg(
    node: Node, function: str, x: Operand, axis: int, keepdims: int, select_last: int
) -> Candidate:
    """Keras finds the first of equal ones; the last is the first of the axis turned round."""
    axis %= x.rank
    size = x.shape[axis]
    if select_last and not isinstance(size, int):
        raise UnsupportedError("the last place along an axis of unknown size")
    input_layout = with_identity_axes(x, [axis])
    place = input_layout.where(axis)

    def build(k: Recorder, x: Ref) -> Ref:
        x = k.op("flip", x, axis=place) if select_last else x
        found = k.op(function, x, axis=place, keepdims=bool(keepdims))
        found = k.op("subtract", int(size) - 1, found) if select_last else found
        return k.op("cast", found, dtype="int64")

    output_layout = input_layout.resized(axis, 1) if keepdims else input_layout.dropped([axis])
    return Candidate((input_layout,), (output_layout,), build)


@raises("TopK", since=10)
def top_k(
    node: Node, x: Operand, k: Operand, *, axis: int = -1, largest: int = 1, sorted: int = 1
) -> Candidate:
    """The k greatest along an axis, and their places; of equal ones the first

    (onnx.ai/onnx/operators, TopK)
    """
    axis %= x.rank
    count = int(k.array().reshape(()))
    input_layout = with_identity_axes(x, [axis])
    last = len(input_layout.stored_shape) - 1
    if input_layout.where(axis) != last:
        order = (*(each for each in range(x.rank) if each != axis), axis)
        input_layout = Layout.ordered(x.shape, order)

    def build(k: Recorder, x: Ref) -> tuple[Ref, Ref]:
        x = x if largest else k.op("negative", x)
        values, places = k.ops("top_k", x, count, sorted=True, outputs=2)
        values = values if largest else k.op("negative", values)
        return values, k.op("cast", places, dtype="int64")

    output_layout = input_layout.resized(axis, count)
    return Candidate((input_layout,), (output_layout, output_layout), build)


@raises("Gather")
def gather(node: Node, x: Operand, indices: Operand, *, axis: int = 0) -> Candidate:
    """What lies at places along an axis                        (onnx.ai/onnx/operators, Gather)

    The axes of the indices take the place of that axis, in the store as well. A table of
    constants that is looked up is an Embedding layer.
    """
    axis %= x.rank
    if x.is_constant:
        return _looked_up(x, indices, axis)
    if not indices.is_constant:
        input_layout = with_identity_axes(x, [axis])
        at = input_layout.where(axis)
        return Candidate(
            (input_layout, indices.layout),
            (replaced(input_layout, axis, indices.layout),),
            lambda k, x, places: k.op("take", x, places, axis=at),
        )
    input_layout = x.layout if can_select(x.layout, axis) else Layout.identity(x.shape)
    size, places = x.shape[axis], indices.array()
    if isinstance(size, int):
        places = np.asarray(positions_of(input_layout, axis))[places % size]
    place = input_layout.where(axis) or 0

    def build(k: Recorder, x: Ref) -> Ref:
        if places.ndim == 1 and isinstance(size, int):
            return select(k, x, place, places.tolist(), size)
        return k.op("take", x, places.astype(np.int32) if places.ndim else int(places), axis=place)

    return Candidate((input_layout,), (replaced(input_layout, axis, indices.layout),), build)


def _looked_up(table: Operand, indices: Operand, axis: int) -> Candidate:
    """A row of a matrix for each index: n rows of m numbers   ->   *p m"""
    values = table.weight()
    output_layout = replaced(table.layout, axis, indices.layout)

    def build(k: Recorder, at: Ref) -> Ref:
        if axis or table.rank != 2 or not np.issubdtype(np.dtype(table.dtype), np.floating):
            return k.op("take", values, at, axis=axis)
        rows, width = values.shape
        return k.layer("Embedding", at, {"embeddings": values}, input_dim=rows, output_dim=width)

    return Candidate((None, indices.layout), (output_layout,), build)


@raises("GatherElements")
def gather_elements(node: Node, x: Operand, indices: Operand, *, axis: int = 0) -> list[Candidate]:
    """For each index, what lies there along its own axis, in the order of either tensor

    (onnx.ai/onnx/operators, GatherElements)
    """
    axis %= x.rank
    orders = [axis_order(each.layout) for each in (x, indices) if not each.is_constant]
    plain = tuple(range(x.rank))
    found = dict.fromkeys([*(order for order in orders if order is not None), plain])
    return [_gathered(x, indices, order, axis) for order in found]


def _gathered(x: Operand, indices: Operand, order: tuple[int, ...], axis: int) -> Candidate:
    layouts = [Layout.ordered(each.shape, order) for each in (x, indices)]
    # There may be indices for a part of x only.
    cut = any(i != axis and x.shape[i] != indices.shape[i] for i in range(x.rank))
    key = tuple(slice(None) if i == axis else slice(0, indices.shape[i]) for i in order)
    if cut and any(isinstance(each.stop, str) for each in key):
        raise UnsupportedError("indices for a part of unknown size", received=indices.shape)

    def build(k: Recorder, *refs: Ref) -> Ref:
        waiting = iter(refs)
        values, at = (
            each.weight(layout) if each.is_constant else next(waiting)
            for each, layout in zip((x, indices), layouts, strict=True)
        )
        values = _cut(k, values, key) if cut else values
        return k.op("take_along_axis", values, at, axis=order.index(axis))

    pairs = zip((x, indices), layouts, strict=True)
    input_layouts = tuple(None if each.is_constant else layout for each, layout in pairs)
    return Candidate(input_layouts, (layouts[1],), build)


def _cut(k: Recorder, values: Ref | Weight, key: tuple[slice, ...]) -> Ref | Weight:
    """A part of a tensor or of a constant."""
    if isinstance(values, Ref):
        return k.op("get_item", values, key)
    shape = tuple(len(range(n)[each]) for n, each in zip(values.stored_shape, key, strict=True))
    return Weight.derived(shape, lambda w: w[key], values)


@raises("GatherND", since=11)
def gather_nd(node: Node, x: Operand, indices: Operand, *, batch_dims: int = 0) -> Candidate:
    """For each list of indices, what lies there   x: *b *p *q, indices: *b *r p   ->   *b *r *q

    The tensor is seen as rows of the shape *q.             (onnx.ai/onnx/operators, GatherND)
    """
    depth = indices.shape[-1]
    rows, rest = x.shape[: batch_dims + int(depth)], x.shape[batch_dims + int(depth) :]
    if any(isinstance(size, str) for size in rows[1:] + rest) or indices.is_constant:
        raise UnsupportedError("GatherND over axes of unknown size, or at known places")
    sizes = [size if isinstance(size, int) else 0 for size in rows]
    strides = [prod(sizes[i + 1 :]) for i in range(len(sizes))]
    shape = tuple(int(size) for size in rest)

    def build(k: Recorder, *refs: Ref) -> Ref:
        at = k.op("cast", refs[-1], dtype="int32")
        # An index below 0 counts from the end; so does the place of a whole row that is.
        from_end = k.op("add", at, np.array(sizes[batch_dims:], np.int32))
        at = k.op("where", k.op("less", at, 0), from_end, at)
        places = k.op("multiply", at, np.array(strides[batch_dims:], np.int32))
        flat = k.op("sum", places, axis=-1)
        for axis, stride in enumerate(strides[:batch_dims]):
            flat = k.op("add", flat, k.op("multiply", arange_like(k, flat, axis), stride))
        values = (
            reshaped(x.weight(), (prod(sizes), *shape))
            if x.is_constant
            else k.op("reshape", refs[0], newshape=(-1, *shape))
        )
        return k.op("take", values, flat, axis=0)

    input_layouts = (
        None if x.is_constant else Layout.identity(x.shape),
        Layout.identity(indices.shape),
    )
    return Candidate(input_layouts, (Layout.identity(node.shape),), build)
