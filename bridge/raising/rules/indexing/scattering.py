"""Scattering updates into a tensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.building.candidates import axis_orders
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import arange_like
from bridge.raising.plan import Ref, Size
from bridge.raising.table import Candidate, Node, Operand, lookup, raises

# ONNX's names of how an update is combined with the old value, and Keras's.
_REDUCTIONS = {"none": None, "add": "add", "mul": "mul", "max": "max", "min": "min"}


@raises("ScatterElements", since=11)
@raises("Scatter")
def scatter_elements(
    node: Node,
    x: Operand,
    indices: Operand,
    updates: Operand,
    *,
    axis: int = 0,
    reduction: str = "none",
) -> list[Candidate]:
    """x with updates at indices along an axis

    (onnx.ai/onnx/operators, ScatterElements)
    """
    axis %= x.rank
    operands = (x, indices, updates)
    return [_scattered(operands, order, axis, reduction) for order in axis_orders(operands)]


def _scattered(
    operands: tuple[Operand, ...], order: tuple[int, ...], axis: int, reduction: str
) -> Candidate:
    layouts = tuple(Layout.ordered(operand.shape, order) for operand in operands)
    size, stored_axis = operands[0].shape[axis], order.index(axis)
    combine = lookup(_REDUCTIONS, reduction, "reduction")

    def build(k: Recorder, x: Ref, at: Ref, updates: Ref) -> Ref:
        at = k.op("cast", at, dtype="int32")
        at = k.op("mod", at, size) if isinstance(size, int) else at  # -1 is the last
        indices = [at if i == stored_axis else arange_like(k, at, i) for i in range(len(order))]
        rows = k.op("reshape", k.op("stack", indices, axis=-1), newshape=(-1, len(order)))
        return k.op("scatter_update", x, rows, _rows(k, updates, ()), reduction=combine)

    return Candidate(layouts, (layouts[0],), build)


@raises("ScatterND", since=11)
def scatter_nd(
    node: Node, x: Operand, indices: Operand, updates: Operand, *, reduction: str = "none"
) -> Candidate:
    """x with updates at lists of indices   x: *p *q, indices: *r p, updates: *r *q   ->   *p *q

    (onnx.ai/onnx/operators, ScatterND)
    """
    depth = indices.shape[-1]
    rest = x.shape[int(depth) :] if isinstance(depth, int) else ("unknown",)
    if any(isinstance(size, str) for size in rest):
        raise UnsupportedError("ScatterND of parts of unknown size", received=rest)
    combine = lookup(_REDUCTIONS, reduction, "reduction")
    layouts = tuple(Layout.identity(operand.shape) for operand in (x, indices, updates))
    sizes = [size for size in x.shape[: int(depth)] if isinstance(size, int)]

    def build(k: Recorder, x: Ref, at: Ref, updates: Ref) -> Ref:
        at = k.op("reshape", k.op("cast", at, dtype="int32"), newshape=(-1, depth))
        if sizes and len(sizes) == depth:  # -1 is the last
            at = k.op("mod", at, np.array(sizes, np.int32))
        return k.op("scatter_update", x, at, _rows(k, updates, rest), reduction=combine)

    return Candidate(layouts, (layouts[0],), build)


def _rows(k: Recorder, updates: Ref, shape: Sequence[Size]) -> Ref:
    """A list of updates of this shape."""
    return k.op("reshape", updates, newshape=(-1, *map(int, shape)))


@raises("TensorScatter")
def tensor_scatter(
    node: Node,
    x: Operand,
    update: Operand,
    starts: Operand | None = None,
    *,
    axis: int = -2,
    mode: str = "linear",
) -> Candidate:
    """x with an update from a start of its own on in each image; past the end comes the beginning
    if the mode is circular

    x: n *p q *r, update: n *p s *r, starts: n   ->   n *p q *r

    (onnx.ai/onnx/operators, TensorScatter)
    """
    wraps = lookup({"linear": False, "circular": True}, mode, "mode")
    axis %= x.rank
    size, length = x.shape[axis], update.shape[axis]
    if not isinstance(size, int) or not isinstance(length, int):
        raise UnsupportedError("TensorScatter along an axis of unknown size", received=x.shape)
    operands = (x, update, starts)
    layouts = tuple(None if o is None else Layout.identity(o.shape) for o in operands)

    def build(k: Recorder, x: Ref, update: Ref, starts: Ref | None = None) -> Ref:
        at = arange_like(k, x, axis)  # of the update, what comes to each index
        if starts is not None:
            column = k.op("reshape", starts, newshape=(-1, *[1] * (operands[0].rank - 1)))
            at = k.op("subtract", at, k.op("cast", column, dtype="int32"))
        at = k.op("mod", at, size) if wraps else at
        new = k.op("take_along_axis", update, k.op("clip", at, 0, length - 1), axis=axis)
        is_new = k.op("logical_and", k.op("greater_equal", at, 0), k.op("less", at, length))
        return k.op("where", is_new, new, x)

    return Candidate(layouts, (Layout.identity(x.shape),), build)
