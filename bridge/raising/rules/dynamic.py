"""Operators whose output shapes depend on the data, and Shape."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from bridge.layout import Layout, Weight
from bridge.raising.building.candidates import layouts_of_tensors, with_identity_axes
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import index_of, length_of, nonzero
from bridge.raising.plan import Ref
from bridge.raising.rules.elementwise import reshaped
from bridge.raising.table import Candidate, Node, Operand, raises


@raises("Compress", since=9)
def compress(node: Node, x: Operand, condition: Operand, *, axis: int | None = None) -> Candidate:
    """The elements along an axis where the condition holds; without an axis, of the flattened x

    (onnx.ai/onnx/operators, Compress)
    """
    input_layout = (
        Layout.identity(x.shape) if axis is None else with_identity_axes(x, [axis % x.rank])
    )
    stored_axis = 0 if axis is None else input_layout.where(axis % x.rank)
    output_layout = (
        Layout.identity(node.shape)
        if axis is None
        else input_layout.resized(axis % x.rank, node.shape[axis])
    )
    layouts = (input_layout, Layout.identity(condition.shape))
    constant = x.weight() if x.is_constant else None
    if constant and axis is None:
        constant = reshaped(constant, (prod(constant.shape),))
    known = np.flatnonzero(condition.array()).astype(np.int32) if condition.is_constant else None

    def build(k: Recorder, *refs: Ref) -> Ref:
        values = constant or refs[0]
        if isinstance(values, Ref) and axis is None:
            values = k.op("reshape", values, newshape=(-1,))
        indices = nonzero(k, refs[-1]) if known is None else known
        return k.op("take", values, indices, axis=stored_axis)

    return Candidate(layouts_of_tensors((x, condition), layouts), (output_layout,), build)


@raises("NonZero")
def non_zero(node: Node, x: Operand) -> Candidate:
    """x: *s   ->   rank d, the indices of the elements that are not 0, in ONNX's order

    (onnx.ai/onnx/operators, NonZero)
    """

    def build(k: Recorder, x: Ref) -> Ref:
        flat_indices = nonzero(k, x)
        return stacked(k, [index_of(k, x, axis, flat_indices) for axis in range(rank)], axis=0)

    input_layout, rank = Layout.identity(x.shape), x.rank
    return Candidate((input_layout,), (Layout.identity(node.shape),), build)


def stacked(k: Recorder, columns: Sequence[Ref], axis: int) -> Ref:
    """Stacked indices, in ONNX's type for them."""
    return k.op("cast", k.op("stack", list(columns), axis=axis), dtype="int64")


@raises("Shape")
def shape_of(node: Node, x: Operand, *, start: int = 0, end: int | None = None) -> Candidate:
    """The shape of x, in which unknown sizes are counted when the model runs

    (onnx.ai/onnx/operators, Shape)
    """
    axes = range(x.rank)[slice(start, end)]
    unknown = [axis for axis in axes if isinstance(x.shape[axis], str)]
    input_layout = (
        x.layout
        if all(x.layout.where(a) is not None for a in unknown)
        else Layout.identity(x.shape)
    )
    known = np.array([0 if axis in unknown else x.shape[axis] for axis in axes], np.int64)

    def build(k: Recorder, x: Ref) -> Ref:
        sizes: Ref | None = None
        for axis in unknown:
            count = k.op("cast", length_of(k, x, input_layout, axis), dtype="int64")
            one_hot = np.array([index == axis for index in axes], np.int64)
            size = k.op("multiply", count, one_hot)
            sizes = k.op("add", size, known if sizes is None else sizes)
        return k.constant(_known(known)) if sizes is None else sizes

    return Candidate((input_layout,), (Layout.identity(node.shape),), build)


def _known(values: NDArray[np.int64]) -> Weight:
    return Weight(values.shape, lambda: values, dtype=values.dtype)


@raises("CumSum", since=11)
def cum_sum(
    node: Node, x: Operand, axis: Operand, *, exclusive: int = 0, reverse: int = 0
) -> Candidate:
    """The cumulative sum along an axis                        (onnx.ai/onnx/operators, CumSum)

    `exclusive` leaves out each element itself, `reverse` sums from the end.
    """
    return _accumulated("cumsum", x, axis, exclusive, reverse)


@raises("CumProd", since=26)
def cum_prod(
    node: Node, x: Operand, axis: Operand, *, exclusive: int = 0, reverse: int = 0
) -> Candidate:
    """The cumulative product, likewise                      (onnx.ai/onnx/operators, CumProd)"""
    return _accumulated("cumprod", x, axis, exclusive, reverse)


_NEUTRAL = {"cumsum": 0, "cumprod": 1}


def _accumulated(
    function: str, x: Operand, axis: Operand, exclusive: int, reverse: int
) -> Candidate:
    logical_axis = int(axis.array().reshape(())) % x.rank
    layout = with_identity_axes(x, [logical_axis])
    stored_axis = layout.where(logical_axis) or 0
    pads = [(0, 0)] * len(layout.stored_shape)
    pads[stored_axis] = (1, 0)

    def build(k: Recorder, x: Ref) -> Ref:
        x = k.op("flip", x, axis=stored_axis) if reverse else x
        if exclusive:  # each element at the next index, and what changes nothing at the first
            padded = k.op("pad", x, pad_width=pads, constant_values=_NEUTRAL[function])
            x = k.op("get_item", padded, (*[slice(None)] * stored_axis, slice(0, -1)))
        y = k.op(function, x, axis=stored_axis)
        return k.op("flip", y, axis=stored_axis) if reverse else y

    return Candidate((layout, None), (layout,), build)
