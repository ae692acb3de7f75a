"""Blocks of a map as channels, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded
from tests.helpers.strategies.nodes import Draw, NodeExample, nodes_of, tensor


@nodes_of("SpaceToDepth", "DepthToSpace")
@st.composite
def blocks(draw: Draw, operator: str) -> NodeExample:
    n, c, h, w, size = (draw(st.integers(1, 3)) for _ in range(5))
    attributes: dict[str, Any] = {"blocksize": size}
    if operator == "SpaceToDepth":
        shape = (n, c, h * size, w * size)
    else:
        shape = (n, c * size * size, h, w)
        attributes |= draw(st.sampled_from([{}, {"mode": "DCR"}, {"mode": "CRD"}]))
    return NodeExample((operator,), (draw(tensor(shape)),), attributes)


# Examples


def test_the_one_undoes_the_other() -> None:
    text = """g (float[n,2,6,4] x) => (float[n,2,6,4] y) {
        blocks = SpaceToDepth<blocksize=2>(x)  y = DepthToSpace<blocksize=2>(blocks)
    }"""
    x = seeded((2, 2, 6, 4))
    raised = raise_and_compare(graph(text), {"x": x})
    np.testing.assert_array_equal(raised.run({"x": x})["y"], x)


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_maps_of_free_sizes(mode: str) -> None:
    text = f"""g (float[n,8,h,w] x) => (float[n,2,p,q] y, float[n,8,h,w] z) {{
        y = DepthToSpace<blocksize=2, mode="{mode}">(x)  z = SpaceToDepth<blocksize=2>(y)
    }}"""
    for n, h, w in ((1, 3, 2), (2, 1, 4)):
        raised = raise_and_compare(graph(text), {"x": seeded((n, 8, h, w))})
    assert not raised.plan.permutations
    assert [w.trainable for w in raised.model.weights] == [False, False]
