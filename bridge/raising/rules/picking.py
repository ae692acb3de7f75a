"""Operators that find elements, and those that pick them by where they are."""

from __future__ import annotations

from math import prod

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.orders import replaced, with_whole
from bridge.raising.plan import Ref
from bridge.raising.recorder import Recorder
from bridge.raising.selecting import can_select, places_of
from bridge.raising.table import Node, Operand, Step, raises


@raises("ArgMax")
def arg_max(
    node: Node, x: Operand, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0
) -> Step:
    """The place of the greatest along an axis                  (onnx.ai/onnx/operators, ArgMax)"""
    return _arg(node, "argmax", x, axis, keepdims, select_last_index)


@raises("ArgMin")
def arg_min(
    node: Node, x: Operand, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0
) -> Step:
    """The place of the least along an axis                     (onnx.ai/onnx/operators, ArgMin)"""
    return _arg(node, "argmin", x, axis, keepdims, select_last_index)


def _arg(node: Node, function: str, x: Operand, axis: int, keepdims: int, select_last: int) -> Step:
    """Keras finds the first of equal ones; the last is the first of the axis turned round."""
    axis %= x.rank
    size = x.shape[axis]
    if select_last and not isinstance(size, int):
        raise UnsupportedError("the last place along an axis of unknown size")
    want = with_whole(x, [axis])
    place = want.where(axis)

    def build(k: Recorder, x: Ref) -> Ref:
        x = k.op("flip", x, axis=place) if select_last else x
        found = k.op(function, x, axis=place, keepdims=bool(keepdims))
        found = k.op("subtract", int(size) - 1, found) if select_last else found
        return k.op("cast", found, dtype="int64")

    out = want.resized(axis, 1) if keepdims else want.dropped([axis])
    return Step((want,), (out,), build)


@raises("TopK", since=10)
def top_k(
    node: Node, x: Operand, k: Operand, *, axis: int = -1, largest: int = 1, sorted: int = 1
) -> Step:
    """The k greatest along an axis, and their places; of equal ones the first

    (onnx.ai/onnx/operators, TopK)
    """
    axis %= x.rank
    count = int(k.array().reshape(()))
    want = with_whole(x, [axis])
    last = len(want.stored_shape) - 1
    if want.where(axis) != last:
        order = (*(each for each in range(x.rank) if each != axis), axis)
        want = Layout.ordered(x.shape, order)

    def build(k: Recorder, x: Ref) -> tuple[Ref, Ref]:
        x = x if largest else k.op("negative", x)
        values, places = k.ops("top_k", x, count, sorted=True, outputs=2)
        values = values if largest else k.op("negative", values)
        return values, k.op("cast", places, dtype="int64")

    out = want.resized(axis, count)
    return Step((want,), (out, out), build)


@raises("Gather")
def gather(node: Node, x: Operand, indices: Operand, *, axis: int = 0) -> Step:
    """What lies at places along an axis                        (onnx.ai/onnx/operators, Gather)

    Places that are known are taken out of x in whatever order it is stored; a table of constants
    that is looked up is an Embedding layer.
    """
    axis %= x.rank
    if x.is_constant:
        return _looked_up(x, indices, axis)
    if indices.is_constant and indices.rank <= 1 and can_select(x.layout, axis):
        return _selected(x, indices, axis)
    wants = (Layout.plain(x.shape), None if indices.is_constant else Layout.plain(indices.shape))

    def build(k: Recorder, x: Ref, *places: Ref) -> Ref:
        at = places[0] if places else indices.weight()
        return k.op("take", x, at, axis=axis)

    return Step(wants, (Layout.plain(node.shape),), build)


def _selected(x: Operand, indices: Operand, axis: int) -> Step:
    size = x.shape[axis]
    if not isinstance(size, int):
        raise UnsupportedError("places along an axis of unknown size")
    wanted = [int(index) % size for index in indices.array().reshape(-1)]
    places = np.asarray(places_of(x.layout, axis))[wanted].astype(np.int32)
    place = x.layout.where(axis)
    out = replaced(x.layout, axis, Layout.plain((len(wanted),)))
    if indices.rank == 1:
        return Step((x.layout,), (out,), lambda k, x: k.op("take", x, places, axis=place))
    one = int(places[0])
    return Step((x.layout,), (out.dropped([axis]),), lambda k, x: k.op("take", x, one, axis=place))


def _looked_up(table: Operand, indices: Operand, axis: int) -> Step:
    """A row of a matrix for each index: n rows of m numbers   ->   *p m"""
    want = Layout.plain(indices.shape)
    sizes = table.weight().shape
    rest = (*sizes[:axis], *indices.shape, *sizes[axis + 1 :])
    if axis == 0 and table.rank == 2 and np.issubdtype(np.dtype(table.dtype), np.floating):
        weights = {"embeddings": table.weight()}
        rows, width = sizes

        def embed(k: Recorder, x: Ref) -> Ref:
            return k.layer("Embedding", x, weights, input_dim=rows, output_dim=width)

        return Step((None, want), (Layout.plain(rest),), embed)
    values = table.weight()
    return Step(
        (None, want), (Layout.plain(rest),), lambda k, x: k.op("take", values, x, axis=axis)
    )


@raises("GatherElements")
def gather_elements(node: Node, x: Operand, indices: Operand, *, axis: int = 0) -> Step:
    """For each index, what lies there along its own axis

    (onnx.ai/onnx/operators, GatherElements)
    """
    wants = tuple(None if each.is_constant else Layout.plain(each.shape) for each in (x, indices))

    def build(k: Recorder, *refs: Ref) -> Ref:
        waiting = iter(refs)
        sides = [e.weight() if e.is_constant else next(waiting) for e in (x, indices)]
        return k.op("take_along_axis", *sides, axis=axis)

    return Step(wants, (Layout.plain(node.shape),), build)


@raises("GatherND", since=11)
def gather_nd(node: Node, x: Operand, indices: Operand, *, batch_dims: int = 0) -> Step:
    """For each list of indices, what lies there      x: *p *q, indices: *r p   ->   *r *q

    (onnx.ai/onnx/operators, GatherND)
    """
    depth = indices.shape[-1]
    lead = x.shape[1 : int(depth)] if isinstance(depth, int) else ("unknown",)
    if batch_dims or x.is_constant or indices.is_constant or any(isinstance(d, str) for d in lead):
        raise UnsupportedError("GatherND of constants, or over axes of unknown size")
    sizes = [int(size) for size in lead]
    strides = np.array([prod(sizes[i:]) for i in range(len(sizes) + 1)], np.int32)

    def build(k: Recorder, x: Ref, at: Ref) -> Ref:
        rest = [-1 if isinstance(size, str) else size for size in node.shape[indices.rank - 1 :]]
        rows = k.op("reshape", x, newshape=(-1, *rest))
        flat = k.op("sum", k.op("multiply", k.op("cast", at, dtype="int32"), strides), axis=-1)
        return k.op("take", rows, flat, axis=0)

    return Step(
        (Layout.plain(x.shape), Layout.plain(indices.shape)), (Layout.plain(node.shape),), build
    )
