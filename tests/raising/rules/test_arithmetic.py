"""Quotients, remainders, powers and means."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from tests.helpers.keras_against_onnx import graph, raise_and_compare
from tests.helpers.strategies.nodes import Array, Draw, NodeExample, map_values, nodes_of
from tests.raising.rules.test_elementwise import merged


@nodes_of("Pow")
@st.composite
def binary_above_zero(draw: Draw, operator: str) -> NodeExample:
    return NodeExample((operator,), draw(merged(2, 2, low=0.5)))


@nodes_of("Div")
@st.composite
def division(draw: Draw, operator: str) -> NodeExample:
    if draw(st.booleans()):
        return NodeExample((operator,), draw(merged(2, 2, low=0.5)))
    numbers = (map_values(operand, _without_zero) for operand in draw(merged(2, 2, low=-9, high=9)))
    return NodeExample((operator,), tuple(numbers))


@nodes_of("Mod")
@st.composite
def mod(draw: Draw, operator: str) -> NodeExample:
    operands = draw(merged(2, 2, low=-9, high=9))
    numbers = tuple(map_values(operand, _without_zero) for operand in operands)
    return NodeExample((operator,), numbers, draw(st.sampled_from([{}, {"fmod": 1}])))


def _without_zero(array: Array) -> Array:
    numbers = np.asarray(array).astype(np.int32)
    return np.where(numbers == 0, 5, numbers).astype(np.int32)


@nodes_of("Mean")
@st.composite
def mean(draw: Draw, operator: str) -> NodeExample:
    return NodeExample((operator,), draw(merged(1, 3)))


# Examples


def test_a_power_has_the_dtype_of_its_base() -> None:
    text = "g (int64[4] x, float[4] c) => (int64[4] y) { y = Pow(x, c) }"
    feeds = {"x": np.array([2, 3, 4, 5]), "c": np.array([3, 2.5, 0.5, 2], np.float32)}
    raise_and_compare(graph(text), feeds)
