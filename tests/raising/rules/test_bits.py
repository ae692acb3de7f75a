"""Bits of whole numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from tests.helpers.keras_against_onnx import graph, raise_and_compare
from tests.helpers.strategies.nodes import Draw, NodeExample, map_values, nodes_of
from tests.raising.rules.test_elementwise import merged


@nodes_of("BitwiseAnd", "BitwiseOr", "BitwiseXor", since=18)
@st.composite
def bitwise(draw: Draw, operator: str) -> NodeExample:
    dtype = draw(st.sampled_from([np.int32, np.int64, np.uint8, np.int8, np.uint64]))
    operands = draw(merged(2, 2, low=-99, high=99))
    numbers = tuple(
        map_values(operand, lambda x: x.astype(np.int64).astype(dtype)) for operand in operands
    )
    return NodeExample((operator,), numbers, opset=18)


@nodes_of("BitShift", since=11)
@st.composite
def shifted(draw: Draw, operator: str) -> NodeExample:
    """By less than all bits: what is beyond, onnxruntime leaves to the processor."""
    dtype = draw(st.sampled_from([np.uint8, np.uint32, np.uint64]))
    x, by = draw(merged(2, 2, low=0, high=7))
    values = map_values(x, lambda a: (a * 31 + (a > 4) * 2.0**62).astype(np.uint64).astype(dtype))
    numbers = map_values(by, lambda a: a.astype(dtype))
    attributes = {"direction": draw(st.sampled_from(["LEFT", "RIGHT"]))}
    return NodeExample((operator,), (values, numbers), attributes)


# Examples

NUMBERS = {
    "x": np.array([[12, -7, 5]], np.int32),
    "y": np.array([[3], [6]], np.int32),
    "z": np.array([[9, 8, 7], [6, 5, 4]], np.int32),
}


@pytest.mark.parametrize("operator", ["BitwiseAnd", "BitwiseOr", "BitwiseXor"])
@pytest.mark.parametrize("operands", ["x, y", "y, x", "x, z", "z, y"])
@pytest.mark.parametrize("constant", [True, False])
def test_bits_are_broadcast_either_way(operator: str, operands: str, constant: bool) -> None:
    """And what reads the result gets its shape."""
    one, other = operands.split(", ")
    inputs = [one] if constant else [one, other]
    sizes = {name: ",".join(map(str, array.shape)) for name, array in NUMBERS.items()}
    declared = ", ".join(f"int32[{sizes[name]}] {name}" for name in inputs)
    text = f"""g ({declared}) => (int32[6] r) {{
        b = {operator}({operands})
        s = Constant<value=int64[1] {{6}}>()
        r = Reshape(b, s)
    }}"""
    constants = {other: NUMBERS[other]} if constant else {}
    raise_and_compare(graph(text, constants, opset=18), {name: NUMBERS[name] for name in inputs})


def test_a_shift_of_a_smaller_tensor() -> None:
    text = """g (uint8[3] x, uint8[2,3] y) => (uint8[6] r) {
        b = BitShift<direction="LEFT">(x, y)
        s = Constant<value=int64[1] {6}>()
        r = Reshape(b, s)
    }"""
    feeds = {"x": np.array([1, 2, 3], np.uint8), "y": np.arange(6, dtype=np.uint8).reshape(2, 3)}
    raise_and_compare(graph(text), feeds)
