"""Normalizations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded
from tests.helpers.strategies.nodes import (
    Draw,
    NodeExample,
    Tensor,
    image,
    nodes_of,
    shapes,
    tensor,
    vector,
)


@nodes_of("BatchNormalization")
@st.composite
def batch_normalization(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(2, 5))
    vectors = [draw(vector(shape[1])) for _ in range(3)]
    variance = draw(vector(shape[1], 0.25))
    attributes: dict[str, Any] = draw(st.sampled_from([{}, {"epsilon": 0.01}]))
    operands: list[Any] = [*vectors, variance]
    operands = draw(st.sampled_from([operands, [Tensor(operand) for operand in operands]]))
    outputs = draw(st.sampled_from([1, 1, 3]))
    if outputs == 3:
        attributes = {**attributes, "training_mode": 1, "momentum": 0.7}
    return NodeExample((operator,), (draw(image(shape)), *operands), attributes, outputs)


@nodes_of("LRN")
@st.composite
def lrn(draw: Draw, operator: str) -> NodeExample:
    attributes = {"size": draw(st.sampled_from([1, 3, 5])), "alpha": 0.3}
    attributes |= draw(st.sampled_from([{}, {"beta": 0.5, "bias": 2.0}]))
    return NodeExample((operator,), (draw(image(draw(shapes(4, 4)))),), attributes)


@nodes_of("LpNormalization")
@st.composite
def lp_normalization(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 4))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    attributes: dict[str, Any] = {"axis": axis, **draw(st.sampled_from([{}, {"p": 1}]))}
    return NodeExample((operator,), (draw(tensor(shape)),), attributes)


@nodes_of("MeanVarianceNormalization")
@st.composite
def mean_variance_normalization(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(4, 4))
    axes = draw(st.sampled_from([[2, 3], [1, 2, 3], [0, 2, 3]]))
    x = draw(tensor(shape))
    # Of equal numbers onnxruntime makes NaN, where ONNX's definition has 0.
    assume(np.ptp(x.values, axis=tuple(axes)).all())
    return NodeExample((operator,), (x,), {"axes": axes})


# Examples

NORM = "g (float[n,3,4,5] x) => (float[n,3,4,5] y) { y = BatchNormalization(x, s, b, m, v) }"


def test_a_batch_normalization_takes_its_axis_from_the_layout() -> None:
    vectors = {name: seeded((3,), i) + 1.5 for i, name in enumerate("sbmv")}
    for io_layout, axis in (("channels_last", -1), ("onnx", 1)):
        raised = raise_and_compare(graph(NORM, vectors), {"x": seeded((2, 3, 4, 5))}, io_layout)
        (layer,) = raised.model.layers[1:]
        assert layer.axis in (axis, axis % 4)


@pytest.mark.parametrize(("scale", "center"), [(True, False), (False, True), (False, False)])
def test_a_scale_of_1_or_a_bias_of_0_in_a_trained_layer_is_no_weight(
    scale: bool, center: bool
) -> None:
    """Caffe's BatchNorm has neither, and Inception's normalisations in Keras have no scale."""
    vectors = {
        "s": seeded((3,), 1) if scale else np.ones(3, np.float32),
        "b": seeded((3,), 2) if center else np.zeros(3, np.float32),
        "m": seeded((3,), 3),
        "v": seeded((3,), 4) + 1.5,
    }
    raised = raise_and_compare(graph(NORM, vectors), {"x": seeded((2, 3, 4, 5))})
    (layer,) = raised.model.layers[1:]
    assert (layer.scale, layer.center) == (scale, center)
    assert len(layer.weights) == 2 + scale + center


def test_a_batch_normalization_that_was_not_trained_has_its_weights() -> None:
    """They are where they start, and are to be trained."""
    ones, zeros = np.ones(3, np.float32), np.zeros(3, np.float32)
    vectors = {"s": ones, "b": zeros, "m": zeros, "v": ones}
    raised = raise_and_compare(graph(NORM, vectors), {"x": seeded((2, 3, 4, 5))})
    assert len(raised.model.layers[1].weights) == 4


def test_an_lrn_gets_its_channels_in_their_own_order() -> None:
    """It adds up neighbours, so what a shuffle has left beside each other will not do."""
    text = """net (float[N,6,4,4] x) => (float[N,6,4,4] y) {
        split = Reshape(x, apart)
        swapped = Transpose<perm=[0, 2, 1, 3, 4]>(split)
        shuffled = Reshape(swapped, together)
        y = LRN<size=3, alpha=0.9>(shuffled)
    }"""
    shapes = {"apart": np.array([0, 2, 3, 4, 4]), "together": np.array([0, 6, 4, 4])}
    raise_and_compare(graph(text, shapes), {"x": seeded((2, 6, 4, 4))})
