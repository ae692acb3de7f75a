"""Products of integers: float layers of whole numbers, which are exact while the sums are.

float32 has all whole numbers up to 2**24. Where a sum of products could be larger, it is computed
in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.rules.dense import matmul
from bridge.raising.rules.quantized.steps import (
    Argument,
    as_float,
    constant,
    require_integers,
    rounded,
    spread,
    zeros_of,
)
from bridge.raising.rules.spatial.conv import conv
from bridge.raising.table import Candidate, Node, Operand, raises

EXACT = 2**24
LARGEST = 255  # of the difference of an int8 or uint8 and its zero point

Finish = Callable[[Recorder, Ref, Layout], Ref]


@raises("ConvInteger", since=10)
def conv_integer(
    node: Node,
    x: Operand,
    w: Operand,
    x_zero_point: Operand | None = None,
    w_zero_point: Operand | None = None,
    **attributes: Any,
) -> Sequence[Candidate]:
    """Conv of x - zero point and w - zero point

    (onnx.ai/onnx/operators, ConvInteger). Attributes as Conv's.
    """
    operands = (x, w, x_zero_point, w_zero_point)
    return _convolved(node, operands, None, attributes, _as_int32)


@raises("QLinearConv", since=10)
def qlinear_conv(
    node: Node,
    x: Operand,
    x_scale: Operand,
    x_zero_point: Operand,
    w: Operand,
    w_scale: Operand,
    w_zero_point: Operand,
    y_scale: Operand,
    y_zero_point: Operand,
    b: Operand | None = None,
    **attributes: Any,
) -> Sequence[Candidate]:
    """Conv of the numbers that x and w stand for, quantized

    (onnx.ai/onnx/operators, QLinearConv). Attributes as Conv's.
    """
    factor = spread(_factor(x_scale, w_scale, y_scale), node.shape, 1)
    finish = _requantized(factor, y_zero_point)
    operands = (x, w, x_zero_point, w_zero_point)
    return _convolved(node, operands, b, attributes, finish)


@raises("MatMulInteger", since=10)
def matmul_integer(
    node: Node,
    a: Operand,
    b: Operand,
    a_zero_point: Operand | None = None,
    b_zero_point: Operand | None = None,
) -> Sequence[Candidate]:
    """The product of a - zero point and b - zero point

    (onnx.ai/onnx/operators, MatMulInteger)
    """
    return _multiplied(node, (a, b, a_zero_point, b_zero_point), (0, 1), _as_int32)


@raises("QLinearMatMul", since=10)
def qlinear_matmul(
    node: Node,
    a: Operand,
    a_scale: Operand,
    a_zero_point: Operand,
    b: Operand,
    b_scale: Operand,
    b_zero_point: Operand,
    y_scale: Operand,
    y_zero_point: Operand,
) -> Sequence[Candidate]:
    """The product of the numbers that a and b stand for, quantized

    (onnx.ai/onnx/operators, QLinearMatMul)
    """
    factor = spread(_factor(a_scale, b_scale, y_scale), node.shape, -1)
    finish = _requantized(factor, y_zero_point)
    return _multiplied(node, (a, b, a_zero_point, b_zero_point), (0, 3), finish)


Product = tuple[Operand, Operand, Operand | None, Operand | None]


def _convolved(
    node: Node,
    operands: Product,
    b: Operand | None,
    attributes: dict[str, Any],
    finish: Finish,
) -> Sequence[Candidate]:
    x, w, x_zero_point, w_zero_point = operands
    kernel = _centred(w, w_zero_point, 0)
    bias = None if b is None else _as_floats(b)
    shift = _number(x_zero_point)
    wide = _largest_sum(kernel, bias) >= EXACT
    candidates = conv(node, replace(x, dtype="float32"), kernel, bias, **attributes)
    return [
        _between(candidate, [(0, require_integers(x.dtype), shift)], finish, wide=wide)
        for candidate in _several(candidates)
    ]


def _multiplied(
    node: Node,
    operands: Product,
    at: Sequence[int],
    finish: Finish,
) -> Sequence[Candidate]:
    """`at` are the indices of a and b among the node's inputs."""
    a, b, a_zero_point, b_zero_point = operands
    factors, shifts = list[Operand](), list[tuple[int, str, float]]()
    for operand, zero_point, index in ((a, a_zero_point, at[0]), (b, b_zero_point, at[1])):
        require_integers(operand.dtype)
        if operand.is_constant:
            factors.append(_centred(operand, zero_point, -1))
        else:
            factors.append(replace(operand, dtype="float32"))
            shifts.append((index, operand.dtype, _number(zero_point)))
    rows = a.shape[-1]
    wide = not isinstance(rows, int) or rows * LARGEST * LARGEST >= EXACT
    if wide and factors[1].is_constant and factors[1].rank == 2:
        wide = _largest_sum(factors[1], None, axis=0) >= EXACT
    candidates = _several(matmul(node, *factors))
    return [_between(candidate, shifts, finish, wide=wide) for candidate in candidates]


def _several(candidates: Candidate | Sequence[Candidate]) -> Sequence[Candidate]:
    return [candidates] if isinstance(candidates, Candidate) else candidates


def _between(
    inner: Candidate, shifts: Sequence[tuple[int, str, float]], finish: Finish, *, wide: bool
) -> Candidate:
    """A candidate for floats, between the integers that come in and those that go out: `shifts`
    has the index of each tensor among the node's inputs, its dtype and its zero point."""
    dtype = "float64" if wide else "float32"
    layouts = [layout for layout in inner.input_layouts if layout is not None]
    count = max(index for index, *_ in shifts) + 1
    by_index = dict(zip((index for index, *_ in shifts), layouts, strict=True))
    (output_layout,) = inner.output_layouts

    def build(k: Recorder, *refs: Ref) -> Ref:
        tensors = []
        for ref, (_, _, zero_point) in zip(refs, shifts, strict=True):
            x = k.op("cast", ref, dtype=dtype)
            tensors.append(k.op("subtract", x, zero_point) if zero_point else x)
        start = len(k.calls)
        y = cast(Ref, inner.build(k, *tensors))
        if wide:
            k.compute_in(dtype, start)
        return finish(k, y, output_layout)

    return Candidate(tuple(map(by_index.get, range(count))), (output_layout,), build)


def _as_int32(k: Recorder, y: Ref, _: Layout) -> Ref:
    return k.op("cast", y, dtype="int32")


def _requantized(factor: Operand, zero_point: Operand) -> Finish:
    shift, dtype = _number(zeros_of(zero_point)), require_integers(zero_point.dtype)

    def finish(k: Recorder, y: Ref, layout: Layout) -> Ref:
        scale: Argument = constant(factor, layout)
        y = k.op("multiply", k.op("cast", y, dtype="float32"), scale)
        return rounded(k, y, shift or None, dtype)

    return finish


def _factor(x_scale: Operand, w_scale: Operand, y_scale: Operand) -> Operand:
    """What turns sums of products into steps of the result: in float32, as onnxruntime has it."""
    weights = [as_float(scale.weight()) for scale in (x_scale, w_scale, y_scale)]
    shape = weights[1].shape

    def read(x: Any, w: Any, y: Any) -> Any:
        return (x.reshape(()) * w) / y.reshape(())

    if any(weights[index].array().size != 1 for index in (0, 2)):
        raise UnsupportedError("scales of an axis of x or of the result")
    factor = Weight.derived(shape, read, *weights)
    return replace(w_scale, dtype="float32", shape=shape, constant=factor)


def _number(zero_point: Operand | None) -> float:
    """A zero point for the whole tensor. Raises UnsupportedError for several."""
    zero_point = zeros_of(zero_point)
    if zero_point is None:
        return 0.0
    values = zero_point.array().reshape(-1)
    if (values != values[0]).any():
        raise UnsupportedError("zero points of an axis of a tensor", received=values.shape)
    return float(values[0])


def _centred(weight: Operand, zero_point: Operand | None, axis: int) -> Operand:
    """weight - zero point, as floats."""
    zero_point = zeros_of(zero_point)
    if zero_point is None:
        return _as_floats(weight)
    spread_out = spread(zero_point, weight.shape, axis)
    sources = as_float(weight.weight()), as_float(spread_out.weight())
    values = Weight.derived(weight.weight().shape, lambda w, z: w - z, *sources)
    return replace(weight, dtype="float32", constant=values)


def _as_floats(operand: Operand) -> Operand:
    return replace(operand, dtype="float32", constant=as_float(operand.weight()))


def _largest_sum(weight: Operand, bias: Operand | None, axis: int | None = None) -> float:
    """The largest sum of products that inputs can give. The weights are read for this."""
    values = np.abs(weight.array().astype(np.float64))
    axes = tuple(range(1, values.ndim)) if axis is None else axis
    sums = values.sum(axis=axes) * LARGEST
    return float(sums.max() if bias is None else (sums + np.abs(bias.array())).max())
