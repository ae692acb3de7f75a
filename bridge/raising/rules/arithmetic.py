"""Quotients, remainders, powers and means of two or more tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.rules.elementwise import arguments_of, merge, merged, reduced
from bridge.raising.table import Candidate, Node, Operand, raises


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


@raises("Mean")
def mean(node: Node, *operands: Operand) -> list[Candidate]:
    """Elementwise mean                                         (onnx.ai/onnx/operators, Mean)"""

    def build(k: Recorder, *refs: Ref, base: Layout) -> Ref:
        total = reduced(k, "add", arguments_of(operands, refs, base))
        return k.op("multiply", total, 1 / len(operands))

    return merged(node, operands, build)
