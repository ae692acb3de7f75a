"""Operators that put updates at places of a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.building.candidates import axis_order
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import arange_like
from bridge.raising.plan import Ref, Size
from bridge.raising.rules.elementwise import reshaped
from bridge.raising.table import Candidate, Node, Operand, lookup, raises

# ONNX's names of what is to be done where there is something already, and Keras's.
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
    """x with updates put at places along an axis, in the order of any of the three

    (onnx.ai/onnx/operators, ScatterElements)
    """
    axis %= x.rank
    operands = (x, indices, updates)
    orders = [axis_order(each.layout) for each in operands if not each.is_constant]
    plain = tuple(range(x.rank))
    found = dict.fromkeys([*(order for order in orders if order is not None), plain])
    return [_scattered(operands, order, axis, reduction) for order in found]


def _scattered(
    operands: tuple[Operand, ...], order: tuple[int, ...], axis: int, reduction: str
) -> Candidate:
    layouts = [Layout.ordered(each.shape, order) for each in operands]
    size, along = operands[0].shape[axis], order.index(axis)
    how = lookup(_REDUCTIONS, reduction, "reduction")

    def build(k: Recorder, *refs: Ref) -> Ref:
        x, at, new = _arguments(operands, layouts, refs)
        at = k.op("cast", at, dtype="int32")
        at = k.op("mod", at, size) if isinstance(size, int) else at  # -1 is the last
        places = [at if i == along else arange_like(k, at, i) for i in range(len(order))]
        every = k.op("reshape", k.op("stack", places, axis=-1), newshape=(-1, len(order)))
        return k.op("scatter_update", x, every, _rows(k, new, ()), reduction=how)

    return Candidate(_wanted(operands, layouts), (layouts[0],), build)


@raises("ScatterND", since=11)
def scatter_nd(
    node: Node, x: Operand, indices: Operand, updates: Operand, *, reduction: str = "none"
) -> Candidate:
    """x with updates put where lists of indices say   x: *p *q, indices: *r p, updates: *r *q

    (onnx.ai/onnx/operators, ScatterND)
    """
    depth = indices.shape[-1]
    rest = x.shape[int(depth) :] if isinstance(depth, int) else ("unknown",)
    if any(isinstance(size, str) for size in rest):
        raise UnsupportedError("ScatterND of parts of unknown size", received=rest)
    operands, how = (x, indices, updates), lookup(_REDUCTIONS, reduction, "reduction")
    layouts = [Layout.identity(each.shape) for each in operands]

    def build(k: Recorder, *refs: Ref) -> Ref:
        x, at, new = _arguments(operands, layouts, refs)
        at = k.op("reshape", k.op("cast", at, dtype="int32"), newshape=(-1, depth))
        return k.op("scatter_update", x, at, _rows(k, new, rest), reduction=how)

    return Candidate(_wanted(operands, layouts), (layouts[0],), build)


def _wanted(operands: Sequence[Operand], layouts: Sequence[Layout]) -> tuple[Layout | None, ...]:
    """How each must be stored that is no constant."""
    if operands[1].is_constant:
        raise UnsupportedError("updates at places that are constants")
    pairs = zip(operands, layouts, strict=True)
    return tuple(None if each.is_constant else layout for each, layout in pairs)


def _arguments(
    operands: Sequence[Operand], layouts: Sequence[Layout], refs: Sequence[Ref]
) -> list[Ref | Weight]:
    waiting = iter(refs)
    return [
        each.weight(layout) if each.is_constant else next(waiting)
        for each, layout in zip(operands, layouts, strict=True)
    ]


def _rows(k: Recorder, updates: Ref | Weight, shape: Sequence[Size]) -> Ref | Weight:
    """Updates of a shape, one behind the other."""
    sizes = tuple(map(int, shape))
    if isinstance(updates, Ref):
        return k.op("reshape", updates, newshape=(-1, *sizes))
    return reshaped(updates, (prod(updates.stored_shape) // prod(sizes), *sizes))
