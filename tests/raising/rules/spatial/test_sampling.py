"""Samples between the pixels of a map."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator

from bridge.errors import UnsupportedOperatorError
from bridge.keras.build import build
from tests.helpers.keras_against_onnx import Raised, graph, plan_of, seeded
from tests.helpers.strategies.nodes import (
    MAX_ELEMENTS,
    Draw,
    NodeExample,
    Tensor,
    image,
    nodes_of,
    shapes,
    sizes,
    tensor,
    values,
)


@nodes_of("GridSample", since=16)
@st.composite
def grid_sample(draw: Draw, operator: str) -> NodeExample:
    x = draw(image(draw(shapes(4, 5))))
    rank = len(x.values.shape) - 2
    shape = (x.values.shape[0], *(draw(sizes(4)) for _ in range(rank)), rank)
    assume(prod(shape) <= MAX_ELEMENTS)
    grid = Tensor(draw(values(shape)), {0: "batch"})
    modes = ["linear", "nearest", "cubic"] if rank == 2 else ["linear", "nearest"]
    attributes = {
        "align_corners": draw(st.integers(0, 1)),
        "mode": draw(st.sampled_from(modes)),
        "padding_mode": draw(st.sampled_from(["zeros", "border", "reflection"])),
    }
    return NodeExample((operator,), (x, grid), attributes, opset=20)


@nodes_of("AffineGrid", since=20)
@st.composite
def affine_grid(draw: Draw, operator: str) -> NodeExample:
    rank = draw(st.integers(2, 3))
    theta = draw(tensor((draw(sizes(4)), rank, rank + 1)))
    aligned = draw(st.integers(0, 1))
    target = [1 + aligned + draw(st.integers(0, 4)) for _ in range(rank)]
    size = np.array([theta.values.shape[0], 2, *target], np.int64)
    return NodeExample(
        (operator,), (Tensor(theta.values), size), {"align_corners": aligned}, opset=20
    )


# Examples


def test_a_cubic_sample_of_a_volume_is_that_of_the_reference() -> None:
    """onnxruntime has none."""
    text = """g (float[1,2,4,5,3] x, float[1,2,3,2,3] grid) => (y) {
        y = GridSample<mode="cubic", padding_mode="border">(x, grid)
    }"""
    model = graph(text, opset=20)
    feeds = {"x": seeded((1, 2, 4, 5, 3)), "grid": seeded((1, 2, 3, 2, 3), 1)}
    (expected,) = ReferenceEvaluator(model).run(None, feeds)
    plan = plan_of(model)
    np.testing.assert_allclose(Raised(plan, build(plan)).run(feeds)["y"], expected, atol=1e-5)


def test_a_map_of_unknown_size_is_refused() -> None:
    text = "g (float[1,1,h,4] x, float[1,2,2,2] grid) => (y) { y = GridSample(x, grid) }"
    with pytest.raises(UnsupportedOperatorError, match="of unknown size"):
        plan_of(graph(text, opset=16))
