"""Scattering updates into a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.building.candidates import axis_orders, layouts_of_tensors, with_constants
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import arange_like
from bridge.raising.plan import Ref, Size
from bridge.raising.rules.elementwise import reshaped
from bridge.raising.table import Candidate, Node, Operand, lookup, raises

# ONNX's names of how an update is combined with the old value, and Keras's.
_REDUCTIONS = {"none": None, "add": "add", "mul": "mul", "max": "max", "min": "min"}


@raises("ScatterElements", since=11)
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
    layouts = [Layout.ordered(operand.shape, order) for operand in operands]
    size, stored_axis = operands[0].shape[axis], order.index(axis)
    combine = lookup(_REDUCTIONS, reduction, "reduction")

    def build(k: Recorder, *refs: Ref) -> Ref:
        x, at, updates = with_constants(operands, layouts, refs)
        at = k.op("cast", at, dtype="int32")
        at = k.op("mod", at, size) if isinstance(size, int) else at  # -1 is the last
        indices = [at if i == stored_axis else arange_like(k, at, i) for i in range(len(order))]
        rows = k.op("reshape", k.op("stack", indices, axis=-1), newshape=(-1, len(order)))
        return k.op("scatter_update", x, rows, _rows(k, updates, ()), reduction=combine)

    return Candidate(_input_layouts(operands, layouts), (layouts[0],), build)


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
    operands, combine = (x, indices, updates), lookup(_REDUCTIONS, reduction, "reduction")
    layouts = [Layout.identity(operand.shape) for operand in operands]

    def build(k: Recorder, *refs: Ref) -> Ref:
        x, at, updates = with_constants(operands, layouts, refs)
        at = k.op("reshape", k.op("cast", at, dtype="int32"), newshape=(-1, depth))
        return k.op("scatter_update", x, at, _rows(k, updates, rest), reduction=combine)

    return Candidate(_input_layouts(operands, layouts), (layouts[0],), build)


def _input_layouts(
    operands: Sequence[Operand], layouts: Sequence[Layout]
) -> tuple[Layout | None, ...]:
    if operands[1].is_constant:
        raise UnsupportedError("updates at constant indices")
    return layouts_of_tensors(operands, layouts)


def _rows(k: Recorder, updates: Ref | Weight, shape: Sequence[Size]) -> Ref | Weight:
    """A list of updates of this shape."""
    sizes = tuple(map(int, shape))
    if isinstance(updates, Ref):
        return k.op("reshape", updates, newshape=(-1, *sizes))
    return reshaped(updates, (prod(updates.stored_shape) // prod(sizes), *sizes))
