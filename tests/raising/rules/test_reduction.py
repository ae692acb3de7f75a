"""Reductions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from bridge.layout import Layout
from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded
from tests.helpers.strategies.nodes import Draw, NodeExample, nodes_of, shapes, tensor


@nodes_of("ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum")
@nodes_of("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare")
@st.composite
def reduction(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 5))
    x = draw(tensor(shape, 0.5 if operator == "ReduceLogSum" else -2))
    axes = sorted(draw(st.sets(st.integers(0, len(shape) - 1), min_size=1)))
    axes = [axis - draw(st.sampled_from([0, len(shape)])) for axis in axes]
    attributes = draw(st.sampled_from([{}, {"keepdims": 0}, {"keepdims": 1}]))
    form = draw(st.sampled_from(["none", "attribute", "input"]))
    if form == "none":
        return NodeExample((operator,), (x,), attributes)
    if form == "input":
        return NodeExample((operator,), (x, np.array(axes, np.int64)), attributes, opset=18)
    return NodeExample((operator,), (x,), {**attributes, "axes": axes}, opset=11)


# Examples


@pytest.mark.parametrize("keepdims", [0, 1])
def test_reduced_axes_of_size_1_that_share_a_stored_axis(keepdims: int) -> None:
    rest = ",1,1,1" if keepdims else ""
    text = f"""g (float[1,1,1] x) => (float[{rest[1:]}] y) {{
        y = ReduceMax<keepdims={keepdims}>(x)
    }}"""
    shared = Layout(((1,), (1,), (1,)), ((0,), (1, 2)))
    raise_and_compare(graph(text), {"x": seeded((1, 1, 1))}, layouts={"x": shared})
