"""Gathering elements by index, and finding the indices of elements."""

from __future__ import annotations

from math import prod

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.building.candidates import (
    axis_orders,
    layouts_of_tensors,
    replaced,
    with_constants,
    with_identity_axes,
)
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import arange_like, can_select, positions_of, select
from bridge.raising.plan import Ref
from bridge.raising.table import Candidate, Node, Operand, raises


@raises("ArgMax")
def arg_max(
    node: Node, x: Operand, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0
) -> Candidate:
    """The index of the maximum along an axis                   (onnx.ai/onnx/operators, ArgMax)"""
    return _arg(node, "argmax", x, axis, keepdims, select_last_index)


@raises("ArgMin")
def arg_min(
    node: Node, x: Operand, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0
) -> Candidate:
    """The index of the minimum along an axis                   (onnx.ai/onnx/operators, ArgMin)"""
    return _arg(node, "argmin", x, axis, keepdims, select_last_index)


def _arg(
    node: Node, function: str, x: Operand, axis: int, keepdims: int, select_last: int
) -> Candidate:
    """Keras finds the first of equal elements; the last is the first along the flipped axis."""
    axis %= x.rank
    size = x.shape[axis]
    if select_last and not isinstance(size, int):
        raise UnsupportedError("the last index along an axis of unknown size")
    input_layout = with_identity_axes(x, [axis])
    stored_axis = input_layout.where(axis)

    def build(k: Recorder, x: Ref) -> Ref:
        x = k.op("flip", x, axis=stored_axis) if select_last else x
        index = k.op(function, x, axis=stored_axis, keepdims=bool(keepdims))
        index = k.op("subtract", int(size) - 1, index) if select_last else index
        return k.op("cast", index, dtype="int64")

    output_layout = input_layout.resized(axis, 1) if keepdims else input_layout.dropped([axis])
    return Candidate((input_layout,), (output_layout,), build)


@raises("TopK", since=10)
def top_k(
    node: Node, x: Operand, k: Operand, *, axis: int = -1, largest: int = 1, sorted: int = 1
) -> Candidate:
    """The k largest elements along an axis, and their indices; of equal ones the first

    (onnx.ai/onnx/operators, TopK)
    """
    axis %= x.rank
    count = int(k.array().reshape(()))
    input_layout = with_identity_axes(x, [axis])
    last = len(input_layout.stored_shape) - 1
    if input_layout.where(axis) != last:
        order = (*(other for other in range(x.rank) if other != axis), axis)
        input_layout = Layout.ordered(x.shape, order)

    def build(k: Recorder, x: Ref) -> tuple[Ref, Ref]:
        x = x if largest else k.op("negative", x)
        values, indices = k.ops("top_k", x, count, sorted=True, outputs=2)
        values = values if largest else k.op("negative", values)
        return values, k.op("cast", indices, dtype="int64")

    output_layout = input_layout.resized(axis, count)
    return Candidate((input_layout,), (output_layout, output_layout), build)


@raises("Gather")
def gather(node: Node, x: Operand, indices: Operand, *, axis: int = 0) -> Candidate:
    """The elements at indices along an axis                    (onnx.ai/onnx/operators, Gather)

    The axes of the indices replace that axis, both logical and stored. A lookup in a table of
    constants is an Embedding layer.
    """
    axis %= x.rank
    if x.is_constant:
        return _looked_up(x, indices, axis)
    if not indices.is_constant:
        input_layout = with_identity_axes(x, [axis])
        gathered_axis = input_layout.where(axis)
        return Candidate(
            (input_layout, indices.layout),
            (replaced(input_layout, axis, indices.layout),),
            lambda k, x, indices: k.op("take", x, indices, axis=gathered_axis),
        )
    input_layout = x.layout if can_select(x.layout, axis) else Layout.identity(x.shape)
    size, positions = x.shape[axis], indices.array()
    if isinstance(size, int):
        positions = np.asarray(positions_of(input_layout, axis))[positions % size]
    stored_axis = input_layout.where(axis) or 0

    def build(k: Recorder, x: Ref) -> Ref:
        if positions.ndim == 1 and isinstance(size, int):
            return select(k, x, stored_axis, positions.tolist(), size)
        index = positions.astype(np.int32) if positions.ndim else int(positions)
        return k.op("take", x, index, axis=stored_axis)

    return Candidate((input_layout,), (replaced(input_layout, axis, indices.layout),), build)


def _looked_up(table: Operand, indices: Operand, axis: int) -> Candidate:
    """table: n m, indices: *p   ->   *p m, a row of the table for each index"""
    values = table.weight()
    output_layout = replaced(table.layout, axis, indices.layout)

    def build(k: Recorder, indices: Ref) -> Ref:
        if axis or table.rank != 2 or not np.issubdtype(np.dtype(table.dtype), np.floating):
            return k.op("take", values, indices, axis=axis)
        rows, width = values.shape
        weights = {"embeddings": values}
        return k.layer("Embedding", indices, weights, input_dim=rows, output_dim=width)

    return Candidate((None, indices.layout), (output_layout,), build)


@raises("GatherElements")
def gather_elements(node: Node, x: Operand, indices: Operand, *, axis: int = 0) -> list[Candidate]:
    """For each index the element there, with the same other indices

    (onnx.ai/onnx/operators, GatherElements)
    """
    axis %= x.rank
    return [_gathered(x, indices, order, axis) for order in axis_orders((x, indices))]


def _gathered(x: Operand, indices: Operand, order: tuple[int, ...], axis: int) -> Candidate:
    operands = (x, indices)
    layouts = [Layout.ordered(operand.shape, order) for operand in operands]
    # The indices may be for a part of x only.
    is_partial = any(i != axis and x.shape[i] != indices.shape[i] for i in range(x.rank))
    key = tuple(slice(None) if i == axis else slice(0, indices.shape[i]) for i in order)
    if is_partial and any(isinstance(bounds.stop, str) for bounds in key):
        raise UnsupportedError("indices for a part of unknown size", received=indices.shape)

    def build(k: Recorder, *refs: Ref) -> Ref:
        values, at = with_constants(operands, layouts, refs)
        values = _sliced(k, values, key) if is_partial else values
        return k.op("take_along_axis", values, at, axis=order.index(axis))

    return Candidate(layouts_of_tensors(operands, layouts), (layouts[1],), build)


def _sliced(k: Recorder, values: Ref | Weight, key: tuple[slice, ...]) -> Ref | Weight:
    """A slice of a tensor or of a constant."""
    if isinstance(values, Ref):
        return k.op("get_item", values, key)
    shape = tuple(len(range(n)[bounds]) for n, bounds in zip(values.stored_shape, key, strict=True))
    return Weight.derived(shape, lambda w: w[key], values)


@raises("GatherND", since=11)
def gather_nd(node: Node, x: Operand, indices: Operand, *, batch_dims: int = 0) -> Candidate:
    """For each list of indices what is there   x: *b *p *q, indices: *b *r p   ->   *b *r *q

    x is reshaped to rows of the shape *q.                  (onnx.ai/onnx/operators, GatherND)
    """
    depth = indices.shape[-1]
    rows, rest = x.shape[: batch_dims + int(depth)], x.shape[batch_dims + int(depth) :]
    if any(isinstance(size, str) for size in rows[1:] + rest):
        raise UnsupportedError("GatherND over axes of unknown size", received=x.shape)
    sizes = [size if isinstance(size, int) else 0 for size in rows]
    strides = [prod(sizes[i + 1 :]) for i in range(len(sizes))]
    shape = tuple(int(size) for size in rest)

    def build(k: Recorder, x: Ref, at: Ref) -> Ref:
        at = k.op("cast", at, dtype="int32")
        # An index below 0 counts from the end.
        from_end = k.op("add", at, np.array(sizes[batch_dims:], np.int32))
        at = k.op("where", k.op("less", at, 0), from_end, at)
        offsets = k.op("multiply", at, np.array(strides[batch_dims:], np.int32))
        flat = k.op("sum", offsets, axis=-1)
        for axis, stride in enumerate(strides[:batch_dims]):
            flat = k.op("add", flat, k.op("multiply", arange_like(k, flat, axis), stride))
        return k.op("take", k.op("reshape", x, newshape=(-1, *shape)), flat, axis=0)

    input_layouts = (Layout.identity(x.shape), Layout.identity(indices.shape))
    return Candidate(input_layouts, (Layout.identity(node.shape),), build)
