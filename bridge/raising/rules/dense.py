"""Matrix products."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.layout import Layout, Weight
from bridge.raising.building.adding import add
from bridge.raising.building.candidates import (
    broadcast_layout,
    free_layouts,
    inner_layout,
    on_distinct_axes,
    replaced,
)
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.table import Candidate, Node, Operand, raises


@raises("Gemm")
def gemm(
    node: Node,
    a: Operand,
    b: Operand,
    c: Operand | None = None,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,
    transB: int = 0,
) -> Candidate | list[Candidate]:
    """a: n k   b: k m (m k where transB)   c: m   ->   n m      (onnx.ai/onnx/operators, Gemm)

    A Dense layer whose kernel's rows are in the order in which k is stored: after Flatten of
    `n c h w -> n h w c` they are (h w c). This is all there is to flattening before a Dense. Its
    columns are in the order that is wished of m: after it, a Reshape may move nothing either.
    """
    constant = b.is_constant and (c is None or (c.is_constant and is_row(c)))
    if transA or not constant:
        return _matrix_product(node, a, b, c, alpha, beta, transA, transB)
    input_layout = rows(a)

    def step(units: Layout) -> Candidate:
        inner = input_layout.axis(1)
        parts, order = ([units, inner], (1, 0)) if transB else ([inner, units], (0, 1))
        weights = {"kernel": scaled(b.weight(Layout.product(parts, order)), alpha)}
        if c is not None:
            weights["bias"] = row(c, units, beta)
        return _dense(
            node, input_layout, Layout.product([input_layout.axis(0), units], (0, 1)), c, weights
        )

    return [step(units) for units in free_layouts(node, 1)]


@raises("MatMul", "bridge::Linear")
def matmul(
    node: Node, a: Operand, b: Operand, c: Operand | None = None
) -> Candidate | list[Candidate]:
    """a: ... k   b: k m   c: m   ->   ... m                   (onnx.ai/onnx/operators, MatMul)

    With a constant matrix a Dense layer, whose bias is c; else `ops.matmul`, whose leading axes
    may lie in any order. `bridge::Linear` is a product and the sum behind it (see fusion.py).
    """
    if min(a.rank, b.rank) < 2:
        return _plain_matmul(node, a, b, c)
    if not b.is_constant or b.rank != 2:
        return [_product(node, a, b, order) for order in _leading_orders(node, a, b)]
    last = a.rank - 1
    input_layout = last_axis_last(a)

    def step(units: Layout) -> Candidate:
        weights = {"kernel": b.weight(Layout.product([input_layout.axis(last), units], (0, 1)))}
        if c is not None:
            weights["bias"] = c.weight(units)
        return _dense(node, input_layout, replaced(input_layout, last, units), c, weights)

    return [step(units) for units in free_layouts(node, last)]


def _dense(
    node: Node,
    input_layout: Layout,
    output_layout: Layout,
    c: Operand | None,
    weights: Mapping[str, Weight],
) -> Candidate:
    """A Dense layer over the last stored axis."""

    def build(k: Recorder, x: Ref) -> Ref:
        return k.layer("Dense", x, weights, units=node.shape[-1], use_bias=c is not None)

    return Candidate(
        (input_layout, None) if c is None else (input_layout, None, None), (output_layout,), build
    )


def rows(a: Operand) -> Layout:
    """A matrix `n k` with n first, k in whatever inner order it has."""
    return Layout.product([inner_layout(a, 0), inner_layout(a, 1)], (0, 1))


def last_axis_last(a: Operand) -> Layout:
    """The tensor's own order, its last logical axis moved to the end of the store."""
    last = a.rank - 1
    places = [a.layout.where(axis) for axis in range(a.rank)]
    if None in places:
        return Layout.identity(a.shape)
    order = sorted(range(last), key=lambda axis: places[axis] or 0)
    return Layout.product([a.layout.axis(axis) for axis in range(a.rank)], (*order, last))


def is_row(c: Operand) -> bool:
    """Whether a constant adds one row to every row of a matrix."""
    return c.rank <= 1 or (c.rank == 2 and c.shape[0] == 1)


def row(c: Operand, units: Layout, factor: float) -> Weight:
    """One row of a matrix, which a single number fills, times a number; stored as the units."""
    given = c.weight()
    size, shape = given.stored_shape[-1:], tuple(map(int, units.logical_shape))

    def read(values: NDArray[Any]) -> NDArray[Any]:
        values = values.reshape(size)
        return values if size == shape else np.broadcast_to(values, shape)

    return scaled(Weight.derived(shape, read, given).with_layout(units), factor)


def scaled(weight: Weight, factor: float) -> Weight:
    """A weight times a number, still unread."""
    if factor == 1.0:
        return weight
    return Weight.derived(weight.stored_shape, lambda w: factor * w, weight)


def _leading_orders(node: Node, *sides: Operand) -> list[tuple[int, ...]]:
    """The orders of the result's axes before the last two: those of both sides, and ONNX's."""
    lead, found = len(node.shape) - 2, []
    for side in sides:
        axes, missing = range(side.rank - 2), lead + 2 - side.rank
        if not side.is_constant and on_distinct_axes(side.layout, axes):
            places = [side.layout.where(axis) or 0 for axis in axes]
            order = sorted(axes, key=places.__getitem__)
            found.append((*range(missing), *(missing + axis for axis in order)))
    return list(dict.fromkeys([*found, tuple(range(lead))]))


def _product(node: Node, a: Operand, b: Operand, order: tuple[int, ...]) -> Candidate:
    """a: *p n k   b: *q k m   ->   *r n m, with the leading axes in an order"""
    lead = [Layout.identity((size,)) for size in node.shape[:-2]]
    rows, inner, columns = (
        inner_layout(a, a.rank - 2),
        inner_layout(a, a.rank - 1),
        inner_layout(b, b.rank - 1),
    )

    def stored(*last: Layout) -> Layout:
        return Layout.product([*lead, *last], (*order, len(lead), len(lead) + 1))

    sides, output_layout = (a, b), stored(rows, columns)
    layouts = (
        broadcast_layout(stored(rows, inner), a.shape),
        broadcast_layout(stored(inner, columns), b.shape),
    )
    left, right = (layout.stored_shape[:-2] for layout in layouts)
    # TensorFlow reads what is no memory of its own where they are n 1 and 1 1, on the CPU.
    if len(left) == 2 and left[0] != 1 == left[1] and right == (1, 1):
        layouts, output_layout = (
            (_folded(layouts[0], {1}), _folded(layouts[1], {0, 1})),
            _folded(output_layout, {1}),
        )

    def build(k: Recorder, *refs: Ref) -> Ref:
        return k.op("matmul", *with_constants(sides, refs, layouts))

    pairs = zip(sides, layouts, strict=True)
    input_layouts = tuple(None if side.is_constant else layout for side, layout in pairs)
    return Candidate(input_layouts, (output_layout,), build)


def _folded(layout: Layout, places: Collection[int]) -> Layout:
    """Without these stored axes of size 1: what marks a place in them is on the next one."""
    stored, waiting = list[tuple[int, ...]](), tuple[int, ...]()
    for place, group in enumerate(layout.stored):
        waiting += group
        if place not in places:
            stored.append(waiting)
            waiting = ()
    return Layout(layout.axes, tuple(stored))


def _plain_matmul(node: Node, a: Operand, b: Operand, c: Operand | None) -> Candidate:
    """The product with a vector in ONNX's order, and a constant row added where there is one."""
    layouts = [Layout.identity(side.shape) for side in (a, b)]
    pairs = zip((a, b), layouts, strict=True)
    input_layouts = tuple(None if side.is_constant else layout for side, layout in pairs)

    def build(k: Recorder, *refs: Ref) -> Ref:
        y = k.op("matmul", *with_constants((a, b), refs, layouts))
        return y if c is None else k.op("add", y, c.weight())

    return Candidate(input_layouts, (Layout.identity(node.shape),), build)


def _matrix_product(
    node: Node,
    a: Operand,
    b: Operand,
    c: Operand | None,
    alpha: float,
    beta: float,
    trans_a: int,
    trans_b: int,
) -> Candidate:
    """The general product of two computed matrices: a transposed one is only relabelled."""
    sides = (a, b) if c is None else (a, b, c)
    flipped = (trans_a, trans_b, 0)
    layouts = [
        Layout.ordered(side.shape, (1, 0) if flip else range(side.rank))
        for side, flip in zip(sides, flipped, strict=False)
    ]
    pairs = zip(sides, layouts, strict=True)
    input_layouts = tuple(None if side.is_constant else layout for side, layout in pairs)

    def build(k: Recorder, *refs: Ref) -> Ref:
        left, right, *rest = with_constants(sides, refs, layouts)
        y = k.op("matmul", left, right)
        y = y if alpha == 1.0 else k.op("multiply", y, alpha)
        if c is None:
            return y
        padded = (1,) * (2 - c.rank) + c.shape
        return add(k, y, multiplied(k, rest[0], beta), node.shape, padded)

    return Candidate(input_layouts, (Layout.identity(node.shape),), build)


def multiplied(k: Recorder, x: Ref | Weight, factor: float) -> Ref | Weight:
    """A number times a tensor, or a constant."""
    if isinstance(x, Weight):
        return scaled(x, factor)
    return x if factor == 1.0 else k.op("multiply", x, factor)


def with_constants(
    operands: Sequence[Operand], refs: Sequence[Ref], layouts: Sequence[Layout]
) -> list[Ref | Weight]:
    """A function's arguments: the tensors' refs, and the constants stored as they have to be."""
    waiting = iter(refs)
    return [
        operand.weight(layout) if operand.is_constant else next(waiting)
        for operand, layout in zip(operands, layouts, strict=True)
    ]
