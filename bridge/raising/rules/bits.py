"""Bits of whole numbers: and, or, exclusive or, and shifts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bridge.layout import Layout
from bridge.raising.building.candidates import broadcast_layout
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.unsigned import right_shift
from bridge.raising.plan import Ref
from bridge.raising.rules.elementwise import merged
from bridge.raising.table import Candidate, Node, Operand, lookup, raises


@raises("BitwiseAnd", since=18)
def bitwise_and(node: Node, a: Operand, b: Operand) -> list[Candidate]:
    """The bits that both have                             (onnx.ai/onnx/operators, BitwiseAnd)"""
    return _bitwise(node, "bitwise_and", (a, b))


@raises("BitwiseOr", since=18)
def bitwise_or(node: Node, a: Operand, b: Operand) -> list[Candidate]:
    """The bits that either has                             (onnx.ai/onnx/operators, BitwiseOr)"""
    return _bitwise(node, "bitwise_or", (a, b))


@raises("BitwiseXor", since=18)
def bitwise_xor(node: Node, a: Operand, b: Operand) -> list[Candidate]:
    """The bits that one of the two has                    (onnx.ai/onnx/operators, BitwiseXor)"""
    return _bitwise(node, "bitwise_xor", (a, b))


def _bitwise(node: Node, function: str, operands: tuple[Operand, Operand]) -> list[Candidate]:
    def build(k: Recorder, *refs: Ref, base: Layout) -> Ref:
        tensors = _tensors(k, operands, refs, base)
        return k.op("cast", k.op(function, *tensors), dtype=operands[0].dtype)

    return merged(node, operands, build)


@raises("BitShift", since=11)
def bit_shift(node: Node, x: Operand, shift: Operand, *, direction: str) -> list[Candidate]:
    """The bits of x, moved to the left or to the right; of a sign to the right, copies of it

    By less than 0, or by all bits and more, nothing but copies of the sign is left, or zeros.

    (onnx.ai/onnx/operators, BitShift)
    """
    shifted = lookup(_SHIFTS, direction, "direction")
    bits, is_signed = 8 * np.dtype(x.dtype).itemsize, "uint" not in x.dtype
    copies = is_signed and direction == "RIGHT"
    if x.dtype == "uint64" and direction == "RIGHT":
        shifted = right_shift
    in_range = shift.is_constant and all(0 <= count < bits for count in shift.array().ravel())

    def build(k: Recorder, *refs: Ref, base: Layout) -> Ref:
        values, by = _tensors(k, (x, shift), refs, base)
        if not in_range:
            above, below = (k.op(*pair) for pair in (("greater", by, bits - 1), ("less", by, 0)))
            beyond = k.op("logical_or", above, below)
            by = k.op("where", beyond, bits - 1 if copies else 0, by)
        y = shifted(k, values, k.op("cast", by, dtype=_computed(x.dtype)))
        y = y if in_range or copies else k.op("where", beyond, 0, y)
        return k.op("cast", y, dtype=x.dtype)

    return merged(node, (x, shift), build)


def _left(k: Recorder, x: Ref, shift: Ref) -> Ref:
    return k.op("bitwise_left_shift", x, shift)


def _right(k: Recorder, x: Ref, shift: Ref) -> Ref:
    return k.op("bitwise_right_shift", x, shift)


_SHIFTS = {"LEFT": _left, "RIGHT": _right}


def _computed(dtype: str) -> str:
    """The dtype to compute in: of two uint64 Keras makes uint32."""
    return "int64" if dtype == "uint64" else dtype


def _tensors(
    k: Recorder, operands: Sequence[Operand], refs: Sequence[Ref], base: Layout
) -> tuple[Ref, Ref]:
    """Both operands as tensors, the first in the shape of the result: Keras gives a function of
    bits the shape of its first argument, whatever that of the second is.

    (Keras 3.15, keras/src/ops/numpy.py, `BitwiseAnd.compute_output_spec`)
    """
    tensors, layouts = iter(refs), [broadcast_layout(base, x.shape) for x in operands]
    first, second = (
        k.op("cast", tensor, dtype=_computed(x.dtype)) if x.dtype == "uint64" else tensor
        for x, layout in zip(operands, layouts, strict=True)
        for tensor in [k.constant(x.weight(layout)) if x.is_constant else next(tensors)]
    )
    if layouts[0].stored_shape != base.stored_shape:
        first = k.op("where", k.op("equal", second, second), first, first)
    return first, second
