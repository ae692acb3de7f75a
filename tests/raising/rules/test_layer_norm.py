"""Normalisations over the last axes."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded
from tests.helpers.strategies.nodes import (
    Draw,
    NodeExample,
    Operand,
    Shape,
    Tensor,
    nodes_of,
    shapes,
    tensor,
    values,
)


@st.composite
def weights_of(draw: Draw, shape: Shape, number: int) -> tuple[Operand, ...]:
    """Constants, mostly of the whole shape, or tensors."""
    sizes = [shape, shape, (1,) * len(shape), shape[-1:]]
    arrays = [draw(values(draw(st.sampled_from(sizes)))) for _ in range(number)]
    are_tensors = draw(st.tuples(*[st.booleans()] * number))
    pairs = zip(arrays, are_tensors, strict=True)
    return tuple(Tensor(array) if is_tensor else array for array, is_tensor in pairs)


@nodes_of("LayerNormalization")
@st.composite
def layer_normalization(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(2, 5))
    axis = draw(st.integers(1, len(shape) - 1))
    assume(prod(shape[axis:]) > 1)
    attributes = {"axis": draw(st.sampled_from([axis, axis - len(shape)])), "epsilon": 0.01}
    operands = (draw(tensor(shape)), *draw(weights_of(shape[axis:], draw(st.integers(1, 2)))))
    return NodeExample((operator,), operands, attributes, outputs=draw(st.sampled_from([1, 1, 3])))


@nodes_of("RMSNormalization")
@st.composite
def rms_normalization(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(2, 5))
    axis = draw(st.integers(1, len(shape) - 1))
    attributes = {"axis": draw(st.sampled_from([axis, axis - len(shape)])), "epsilon": 0.01}
    operands = (draw(tensor(shape)), *draw(weights_of(shape[axis:], 1)))
    return NodeExample((operator,), operands, attributes, opset=23)


# Examples


@pytest.mark.parametrize("operator", ["LayerNormalization", "RMSNormalization"])
def test_a_constant_scale_makes_a_native_layer(operator: str) -> None:
    text = f"g (float[b,5,6] x) => (float[b,5,6] y) {{ y = {operator}(x, scale) }}"
    model = graph(text, {"scale": seeded((6,))}, opset=23)
    raised = raise_and_compare(model, {"x": seeded((2, 5, 6))})
    (layer,) = raised.model.layers[1:]
    assert type(layer).__name__ == operator
    assert layer.count_params() == 6


@pytest.mark.parametrize("width", [4, 5])
def test_a_scale_along_an_axis_that_is_not_stored_last(width: int) -> None:
    """Which Keras's layer refuses, or multiplies with the channels where there are as many."""
    text = f"""g (float[b,4,3,{width}] x, float[4,4,1,1] w) => (y) {{
        a = Conv(x, w) y = RMSNormalization(a, scale)
    }}"""
    model = graph(text, {"scale": seeded((width,)), "w": seeded((4, 4, 1, 1))}, opset=23)
    raised = raise_and_compare(model, {"x": seeded((2, 4, 3, width))})
    assert not raised.plan.permutations


def test_mean_and_deviation_are_outputs_beside_the_layer() -> None:
    text = """g (float[b,5,6] x) => (float[b,5,6] y, float[b,5,1] deviation) {
        y, , deviation = LayerNormalization(x, scale)
    }"""
    raised = raise_and_compare(
        graph(text, {"scale": np.ones(6, np.float32)}), {"x": seeded((2, 5, 6))}
    )
    assert "LayerNormalization" in [type(layer).__name__ for layer in raised.model.layers]
