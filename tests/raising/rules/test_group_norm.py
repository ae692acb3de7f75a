"""Normalisations of groups of channels."""

from __future__ import annotations

from math import prod

from hypothesis import assume
from hypothesis import strategies as st

from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded
from tests.helpers.strategies.nodes import (
    Array,
    Draw,
    NodeExample,
    Operand,
    Tensor,
    nodes_of,
    shapes,
    tensor,
    vector,
)


def weight_or_tensor(array: Array) -> st.SearchStrategy[Operand]:
    return st.booleans().map(lambda is_tensor: Tensor(array) if is_tensor else array)


@nodes_of("InstanceNormalization")
@st.composite
def instance_normalization(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(3, 5))
    assume(prod(shape[2:]) > 1)
    vectors = [draw(weight_or_tensor(draw(vector(shape[1])))) for _ in range(2)]
    return NodeExample((operator,), (draw(tensor(shape)), *vectors), {"epsilon": 0.01})


@nodes_of("GroupNormalization", since=21)
@nodes_of("bridge::GroupNormalization")
@st.composite
def group_normalization(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(3, 5))
    groups = draw(st.sampled_from([n for n in range(1, shape[1] + 1) if shape[1] % n == 0]))
    assume(prod(shape[1:]) > groups)
    vectors = [draw(weight_or_tensor(draw(vector(shape[1])))) for _ in range(2)]
    attributes = {"num_groups": groups, "epsilon": 0.01}
    operands = (draw(tensor(shape, batch=None)), *vectors)
    # ONNX infers no shape of the result.
    kind = operator.removeprefix("bridge::")
    return NodeExample((kind,), operands, attributes, opset=21, shape=shape)


@nodes_of("bridge::Normalization")
@st.composite
def normalization(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(2, 5))
    assume(shape[1] > 1)
    over = (1, shape[1], *[1] * (len(shape) - 2))
    mean, deviation = (draw(vector(shape[1])).reshape(over) for _ in range(2))
    last = draw(st.sampled_from(["Div", "Mul"]))
    return NodeExample(("Sub", last), (draw(tensor(shape)), mean, abs(deviation) + 0.5))


# Examples


def test_groups_of_channels_are_one_native_layer() -> None:
    text = """g (float[b,6,4,4] x) => (float[b,6,4,4] y) {
        y = GroupNormalization<num_groups=3>(x, scale, bias)
    }"""
    constants = {"scale": seeded((6,)), "bias": seeded((6,), 1)}
    raised = raise_and_compare(graph(text, constants, opset=21), {"x": seeded((2, 6, 4, 4))})
    (layer,) = raised.model.layers[1:]
    assert (type(layer).__name__, layer.groups) == ("GroupNormalization", 3)
    assert not raised.plan.permutations
