"""Matrix products."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from bridge.layout import Layout, Weight
from bridge.raising.building.adding import add
from bridge.raising.building.candidates import (
    broadcast_layout,
    free_layouts,
    inner_layout,
    layouts_of_tensors,
    on_distinct_axes,
    replaced,
    with_constants,
)
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.table import Candidate, Node, Operand, raises
from bridge.types import Array


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

    A Dense layer. The rows of its kernel are in the layout of k: after Flatten of
    `n c h w -> n h w c` they are (h w c), so no tensor is transposed before it. The columns are in
    the preferred layout of m, so that a Reshape after it need not move anything either.
    """
    constant = b.is_constant and (c is None or (c.is_constant and is_bias(c)))
    if transA or not constant:
        return _matrix_product(node, a, b, c, alpha, beta, transA, transB)
    input_layout = batch_first(a)

    def candidate(units: Layout) -> Candidate:
        inner = input_layout.axis(1)
        parts, order = ([units, inner], (1, 0)) if transB else ([inner, units], (0, 1))
        weights = {"kernel": scaled(b.weight(Layout.product(parts, order)), alpha)}
        if c is not None:
            weights["bias"] = bias_weight(c, units, beta)
        output_layout = Layout.product([input_layout.axis(0), units], (0, 1))
        return _dense(node, input_layout, output_layout, c, weights)

    return [candidate(units) for units in free_layouts(node, 1)]


@raises("MatMul", "bridge::Linear")
def matmul(
    node: Node, a: Operand, b: Operand, c: Operand | None = None
) -> Candidate | list[Candidate]:
    """a: ... k   b: k m   c: m   ->   ... m                   (onnx.ai/onnx/operators, MatMul)

    A Dense layer with bias c if the matrix is constant; else `ops.matmul`, with its leading axes
    in any order. `bridge::Linear` is a product and the following sum (see graph/fusion/linear.py).
    """
    if min(a.rank, b.rank) < 2:
        return _vector_product(node, a, b, c)
    if not b.is_constant or b.rank != 2:
        return [_product(node, a, b, order) for order in _leading_orders(node, a, b)]
    last = a.rank - 1
    input_layout = last_axis_last(a)

    def candidate(units: Layout) -> Candidate:
        weights = {"kernel": b.weight(Layout.product([input_layout.axis(last), units], (0, 1)))}
        if c is not None:
            weights["bias"] = c.weight(units)
        return _dense(node, input_layout, replaced(input_layout, last, units), c, weights)

    return [candidate(units) for units in free_layouts(node, last)]


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


def batch_first(a: Operand) -> Layout:
    """A matrix `n k` with n first, and k in the inner layout that it has."""
    return Layout.product([inner_layout(a, 0), inner_layout(a, 1)], (0, 1))


def last_axis_last(a: Operand) -> Layout:
    """The layout of a tensor, with its last logical axis moved to the end."""
    last = a.rank - 1
    stored_axes = [a.layout.where(axis) for axis in range(a.rank)]
    if None in stored_axes:
        return Layout.identity(a.shape)
    order = sorted(range(last), key=lambda axis: stored_axes[axis] or 0)
    return Layout.product([a.layout.axis(axis) for axis in range(a.rank)], (*order, last))


def is_bias(c: Operand) -> bool:
    """Whether a constant adds the same row to every row of a matrix."""
    return c.rank <= 1 or (c.rank == 2 and c.shape[0] == 1)


def bias_weight(c: Operand, units: Layout, factor: float) -> Weight:
    """A bias, perhaps broadcast from one number, times a factor; in the layout of the units."""
    source = c.weight()
    size, shape = source.stored_shape[-1:], tuple(map(int, units.logical_shape))

    def read(values: Array) -> Array:
        values = values.reshape(size)
        return values if size == shape else np.broadcast_to(values, shape)

    return scaled(Weight.derived(shape, read, source).with_layout(units), factor)


def scaled(weight: Weight, factor: float) -> Weight:
    """A weight times a number, still lazy."""
    if factor == 1.0:
        return weight
    return Weight.derived(weight.stored_shape, lambda w: factor * w, weight)


def _leading_orders(node: Node, *operands: Operand) -> list[tuple[int, ...]]:
    """The orders to choose from for the axes before the last two: of each operand, and ONNX's."""
    lead, orders = len(node.shape) - 2, []
    for operand in operands:
        axes, missing = range(operand.rank - 2), lead + 2 - operand.rank
        if not operand.is_constant and on_distinct_axes(operand.layout, axes):
            stored_axes = [operand.layout.where(axis) or 0 for axis in axes]
            order = sorted(axes, key=stored_axes.__getitem__)
            orders.append((*range(missing), *(missing + axis for axis in order)))
    return list(dict.fromkeys([*orders, tuple(range(lead))]))


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

    operands, output_layout = (a, b), stored(rows, columns)
    layouts = (
        broadcast_layout(stored(rows, inner), a.shape),
        broadcast_layout(stored(inner, columns), b.shape),
    )
    left, right = (layout.stored_shape[:-2] for layout in layouts)
    # On the CPU TensorFlow reads beyond its memory if these are n 1 and 1 1.
    if len(left) == 2 and left[0] != 1 == left[1] and right == (1, 1):
        layouts = (_merged(layouts[0], {1}), _merged(layouts[1], {0, 1}))
        output_layout = _merged(output_layout, {1})

    def build(k: Recorder, *refs: Ref) -> Ref:
        return k.op("matmul", *with_constants(operands, layouts, refs))

    return Candidate(layouts_of_tensors(operands, layouts), (output_layout,), build)


def _merged(layout: Layout, stored_axes: Collection[int]) -> Layout:
    """With each of these stored axes, of size 1, merged into the next one."""
    stored, pending = list[tuple[int, ...]](), tuple[int, ...]()
    for stored_axis, group in enumerate(layout.stored):
        pending += group
        if stored_axis not in stored_axes:
            stored.append(pending)
            pending = ()
    return Layout(layout.axes, tuple(stored))


def _vector_product(node: Node, a: Operand, b: Operand, c: Operand | None) -> Candidate:
    """The product with a vector, in identity layout, plus the constant c if there is one."""
    operands = (a, b)
    layouts = [Layout.identity(operand.shape) for operand in operands]

    def build(k: Recorder, *refs: Ref) -> Ref:
        y = k.op("matmul", *with_constants(operands, layouts, refs))
        return y if c is None else k.op("add", y, c.weight())

    output_layout = Layout.identity(node.shape)
    return Candidate(layouts_of_tensors(operands, layouts), (output_layout,), build)


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
    """The general product of two computed matrices; a transposed one is only relabelled."""
    operands = (a, b) if c is None else (a, b, c)
    layouts = [
        Layout.ordered(operand.shape, (1, 0) if transposed else range(operand.rank))
        for operand, transposed in zip(operands, (trans_a, trans_b, 0), strict=False)
    ]

    def build(k: Recorder, *refs: Ref) -> Ref:
        left, right, *rest = with_constants(operands, layouts, refs)
        y = k.op("matmul", left, right)
        y = y if alpha == 1.0 else k.op("multiply", y, alpha)
        if c is None:
            return y
        padded = (1,) * (2 - c.rank) + c.shape
        return add(k, y, multiplied(k, rest[0], beta), node.shape, padded)

    output_layout = Layout.identity(node.shape)
    return Candidate(layouts_of_tensors(operands, layouts), (output_layout,), build)


def multiplied(k: Recorder, x: Ref | Weight, factor: float) -> Ref | Weight:
    """A number times a tensor, or a constant."""
    if isinstance(x, Weight):
        return scaled(x, factor)
    return x if factor == 1.0 else k.op("multiply", x, factor)


@raises("Det")
def det(node: Node, x: Operand) -> Candidate:
    """The determinants of matrices: *n m m -> *n                 (onnx.ai/onnx/operators, Det)"""
    return Candidate(
        (Layout.identity(x.shape),),
        (Layout.identity(node.shape),),
        lambda k, x: k.op("det", x),
    )
