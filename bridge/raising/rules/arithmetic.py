"""Quotients, remainders, powers, shifts and means of two or more tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.building.candidates import broadcast_layout
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.unsigned import of_uint64
from bridge.raising.plan import Ref
from bridge.raising.rules.elementwise import arguments_of, merge, merged, reduced, typed
from bridge.raising.table import Candidate, Node, Operand, lookup, raises


@raises("Div")
def div(node: Node, a: Operand, b: Operand) -> Candidate | list[Candidate]:
    """a / b; of integers, rounded towards 0                      (onnx.ai/onnx/operators, Div)"""
    if a.dtype == "uint64":
        raise UnsupportedError("a quotient of uint64, which Keras computes in uint32")
    if "int" not in a.dtype:
        return merge(node, "Div", (a, b))
    return _of_absolutes(node, "floor_divide", a, b, signs=2)


@raises("Mod")
def mod(node: Node, a: Operand, b: Operand, *, fmod: int = 0) -> Candidate | list[Candidate]:
    """The remainder with the sign of the divisor; with that of the dividend if `fmod`

    (onnx.ai/onnx/operators, Mod)
    """
    if not fmod:
        return merge(node, "Mod", (a, b))
    return _of_absolutes(node, "mod", a, b, signs=1)


def _of_absolutes(node: Node, function: str, a: Operand, b: Operand, signs: int) -> list[Candidate]:
    """A function of two absolute values, times the signs of the first `signs` operands."""
    operands = (a, b)

    def build(k: Recorder, *refs: Ref, base: Layout) -> Ref:
        pair = [argument for argument, _ in arguments_of(operands, refs, base)]
        result = k.op(function, *(_pointwise(k, value, "absolute", np.abs) for value in pair))
        for value in pair[:signs]:
            result = k.op("multiply", result, _pointwise(k, value, "sign", np.sign))
        return result

    return merged(node, operands, build)


def _pointwise(
    k: Recorder, x: Ref | Weight | float, kind: str, function: Callable[[Any], Any]
) -> Ref | Weight | float:
    """A function of a tensor, or of a constant, for which Keras would make no node."""
    if isinstance(x, Ref):
        return k.op(kind, x)
    if isinstance(x, Weight):
        return Weight.derived(x.stored_shape, function, x)
    return cast(float, function(x).item())


@raises("Pow")
def power(node: Node, a: Operand, b: Operand) -> list[Candidate]:
    """a to the power of b, in the dtype of a                      (onnx.ai/onnx/operators, Pow)

    Of whole numbers to a fractional power in double precision, and then towards 0.
    """
    operands = (a, b)
    fractional = "int" in a.dtype and "float" in b.dtype

    def build(k: Recorder, *refs: Ref, base: Layout) -> Ref:
        x, exponent = (argument for argument, _ in arguments_of(operands, refs, base))
        if fractional:
            x = k.op("cast", x, dtype="float64") if isinstance(x, Ref) else _double(x)
        y = k.op("power", x, exponent)
        return y if a.dtype == b.dtype else k.op("cast", y, dtype=a.dtype)

    return merged(node, operands, build)


def _double(x: Weight | float) -> Weight | float:
    if isinstance(x, Weight):
        double = np.dtype(np.float64)
        return replace(Weight.derived(x.stored_shape, lambda w: w.astype(double), x), dtype=double)
    return float(x)


@raises("BitShift", since=11)
def bit_shift(node: Node, x: Operand, shift: Operand, *, direction: str) -> list[Candidate]:
    """The bits of x, moved to the left or to the right; of a sign to the right, copies of it

    By less than 0, or by all bits and more, nothing but copies of the sign is left, or zeros.

    (onnx.ai/onnx/operators, BitShift)
    """
    operands = (x, shift)
    function = lookup(_SHIFTS, direction, "direction")
    bits = 8 * np.dtype(shift.dtype).itemsize
    call = of_uint64 if x.dtype == "uint64" else Recorder.op

    def build(k: Recorder, *refs: Ref, base: Layout) -> Ref:
        dtype = np.dtype(x.dtype)
        values, by = (typed(pair[0], dtype) for pair in arguments_of(operands, refs, base))
        if shift.is_constant and all(0 <= count < bits for count in shift.array().ravel()):
            return call(k, function, values, by)
        largest = np.asarray(bits - 1, shift.dtype)
        counted = (
            by
            if isinstance(by, Ref)
            else k.constant(shift.weight(broadcast_layout(base, shift.shape)))
        )
        beyond = k.op("greater", counted, largest)
        if "uint" not in x.dtype:
            beyond = k.op("logical_or", beyond, k.op("less", counted, np.zeros((), shift.dtype)))
        if direction == "RIGHT" and "uint" not in x.dtype:
            by = k.op("cast", k.op("where", beyond, largest, counted), dtype=shift.dtype)
            return call(k, function, values, by)
        shifted = call(
            k, function, values, k.op("where", beyond, np.zeros((), shift.dtype), counted)
        )
        return k.op("cast", k.op("where", beyond, np.zeros((), x.dtype), shifted), dtype=x.dtype)

    return merged(node, operands, build)


_SHIFTS = {"LEFT": "bitwise_left_shift", "RIGHT": "bitwise_right_shift"}


@raises("Mean")
def mean(node: Node, *operands: Operand) -> list[Candidate]:
    """Elementwise mean                                         (onnx.ai/onnx/operators, Mean)"""

    def build(k: Recorder, *refs: Ref, base: Layout) -> Ref:
        total = reduced(k, "add", arguments_of(operands, refs, base))
        return k.op("multiply", total, 1 / len(operands))

    return merged(node, operands, build)
