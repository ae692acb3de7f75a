"""Samples between the pixels of a map."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from bridge.errors import UnsupportedOperatorError
from tests.helpers.keras_against_onnx import graph, plan_of
from tests.helpers.strategies.nodes import (
    Draw,
    NodeExample,
    Tensor,
    image,
    nodes_of,
    shapes,
    sizes,
    values,
)


@nodes_of("GridSample", since=16)
@st.composite
def grid_sample(draw: Draw, operator: str) -> NodeExample:
    x = draw(image(draw(shapes(4, 4))))
    shape = (x.values.shape[0], draw(sizes(4)), draw(sizes(6)), 2)
    grid = Tensor(draw(values(shape)), {0: "batch"})
    attributes = {
        "align_corners": draw(st.integers(0, 1)),
        "mode": draw(st.sampled_from(["bilinear", "nearest"])),
        "padding_mode": draw(st.sampled_from(["zeros", "border"])),
    }
    return NodeExample((operator,), (x, grid), attributes)


# Examples


def test_a_cubic_grid_sample_is_refused() -> None:
    text = """g (float[1,1,4,4] x, float[1,2,2,2] grid) => (float[1,1,2,2] y) {
        y = GridSample<mode="bicubic">(x, grid)
    }"""
    with pytest.raises(UnsupportedOperatorError, match="bicubic"):
        plan_of(graph(text, opset=16))
