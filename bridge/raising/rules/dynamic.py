"""Operators whose results have sizes that depend on the data, and those that tell sizes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from bridge.layout import Layout, Weight
from bridge.raising.building.candidates import with_identity_axes
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import index_of, nonzero
from bridge.raising.plan import Ref
from bridge.raising.rules.elementwise import reshaped
from bridge.raising.table import Candidate, Node, Operand, raises


@raises("Compress", since=9)
def compress(node: Node, x: Operand, condition: Operand, *, axis: int | None = None) -> Candidate:
    """What lies along an axis where the condition holds; without an axis, of all of x in a row

    (onnx.ai/onnx/operators, Compress)
    """
    input_layout = (
        Layout.identity(x.shape) if axis is None else with_identity_axes(x, [axis % x.rank])
    )
    place = 0 if axis is None else input_layout.where(axis % x.rank)
    output_layout = (
        Layout.identity(node.shape)
        if axis is None
        else input_layout.resized(axis % x.rank, node.shape[axis])
    )
    input_layouts = tuple(
        None if each.is_constant else layout
        for each, layout in ((x, input_layout), (condition, Layout.identity(condition.shape)))
    )
    constant = x.weight() if x.is_constant else None
    if constant and axis is None:
        constant = reshaped(constant, (prod(constant.shape),))
    known = np.flatnonzero(condition.array()).astype(np.int32) if condition.is_constant else None

    def build(k: Recorder, *refs: Ref) -> Ref:
        values = constant or refs[0]
        if isinstance(values, Ref) and axis is None:
            values = k.op("reshape", values, newshape=(-1,))
        places = nonzero(k, refs[-1]) if known is None else known
        return k.op("take", values, places, axis=place)

    return Candidate(input_layouts, (output_layout,), build)


@raises("NonZero")
def non_zero(node: Node, x: Operand) -> Candidate:
    """x: *s   ->   rank d, the indices of each element that is not 0, in ONNX's order

    (onnx.ai/onnx/operators, NonZero)
    """

    def build(k: Recorder, x: Ref) -> Ref:
        places = nonzero(k, x)
        return stacked(k, [index_of(k, x, axis, places) for axis in range(rank)], axis=0)

    input_layout, rank = Layout.identity(x.shape), x.rank
    return Candidate((input_layout,), (Layout.identity(node.shape),), build)


def stacked(k: Recorder, columns: Sequence[Ref], axis: int) -> Ref:
    """Indices side by side, in the type that ONNX has for them."""
    return k.op("cast", k.op("stack", list(columns), axis=axis), dtype="int64")


@raises("Shape")
def shape_of(node: Node, x: Operand, *, start: int = 0, end: int | None = None) -> Candidate:
    """The sizes of x; a size that is free is counted when the model runs

    (onnx.ai/onnx/operators, Shape)
    """
    axes = range(x.rank)[slice(start, end)]
    free = [axis for axis in axes if isinstance(x.shape[axis], str)]
    input_layout = (
        x.layout if all(x.layout.where(a) is not None for a in free) else Layout.identity(x.shape)
    )
    known = np.array([0 if axis in free else x.shape[axis] for axis in axes], np.int64)

    def build(k: Recorder, x: Ref) -> Ref:
        sizes: Ref | None = None
        for axis in free:
            count = k.op("cast", length_of(k, x, input_layout, axis), dtype="int64")
            own = k.op("multiply", count, np.array([each == axis for each in axes], np.int64))
            sizes = k.op("add", own, known if sizes is None else sizes)
        return k.constant(_known(known)) if sizes is None else sizes

    return Candidate((input_layout,), (Layout.identity(node.shape),), build)


def length_of(k: Recorder, x: Ref, stored: Layout, axis: int) -> Ref:
    """How long an axis is: there is no element of another axis that is not there too."""
    place = stored.where(axis)
    key = tuple(slice(None) if i == place else 0 for i in range(len(stored.stored_shape)))
    return k.op("sum", k.op("ones_like", k.op("get_item", x, key), dtype="int32"))


def _known(values: NDArray[np.int64]) -> Weight:
    return Weight(values.shape, lambda: values, dtype=values.dtype)


@raises("CumSum")
def cum_sum(
    node: Node, x: Operand, axis: Operand, *, exclusive: int = 0, reverse: int = 0
) -> Candidate:
    """Sums along an axis, of all before a place and itself    (onnx.ai/onnx/operators, CumSum)

    `exclusive` leaves out the place itself, `reverse` sums what lies behind.
    """
    along = int(axis.array().reshape(())) % x.rank
    input_layout = with_identity_axes(x, [along])
    place = input_layout.where(along)

    def build(k: Recorder, x: Ref) -> Ref:
        x = k.op("flip", x, axis=place) if reverse else x
        y = k.op("cumsum", _moved_on(k, x, input_layout, along) if exclusive else x, axis=place)
        return k.op("flip", y, axis=place) if reverse else y

    return Candidate((input_layout,), (input_layout,), build)


def _moved_on(k: Recorder, x: Ref, stored: Layout, axis: int) -> Ref:
    """Each element one place further along an axis, with 0 in front."""
    place = stored.where(axis) or 0
    pads = [(0, 0)] * len(stored.stored_shape)
    pads[place] = (1, 0)
    padded = k.op("pad", x, pad_width=pads)
    return k.op("get_item", padded, (*[slice(None)] * place, slice(0, -1)))
