"""Blocks of columns put back into a map."""

from __future__ import annotations

from math import prod

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator

from bridge.keras.build import build
from tests.helpers.keras_against_onnx import Raised, graph, plan_of, seeded
from tests.helpers.strategies.nodes import MAX_ELEMENTS, Draw, NodeExample, nodes_of, tensor
from tests.helpers.strategies.windows import windows


@nodes_of("Col2Im", since=18)
@st.composite
def col2im(draw: Draw, operator: str) -> NodeExample:
    window = draw(windows(2, dilated=True, pooling=False))
    attributes = {k: v for k, v in window.attributes.items() if k != "kernel_shape"}
    assume("auto_pad" not in attributes)
    rank = 2
    dilations = attributes.get("dilations", (1,) * rank)
    pads = attributes.get("pads", (0,) * (2 * rank))
    blocks = [
        (size + pads[i] + pads[rank + i] - (window.kernel[i] - 1) * dilations[i] - 1)
        // attributes["strides"][i]
        + 1
        for i, size in enumerate(window.sizes)
    ]
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 3)) * prod(window.kernel), prod(blocks))
    assume(prod(shape) <= MAX_ELEMENTS)
    sizes = (np.array(window.sizes, np.int64), np.array(window.kernel, np.int64))
    return NodeExample((operator,), (draw(tensor(shape)), *sizes), attributes, opset=18)


# Examples


def test_volumes_are_those_of_the_reference() -> None:
    """onnxruntime gives other numbers where three axes have different pads and dilations."""
    text = """g (float[2,12,6] x) => (y) {
        y = Col2Im<strides=[3,3,3], dilations=[2,1,2], pads=[2,2,2,2,0,2]>(x, sizes, blocks)
    }"""
    constants = {"sizes": np.array([7, 1, 4]), "blocks": np.array([2, 3, 2])}
    model, x = graph(text, constants, opset=18), seeded((2, 12, 6))
    (expected,) = ReferenceEvaluator(model).run(None, {"x": x})
    plan = plan_of(model)
    np.testing.assert_allclose(Raised(plan, build(plan)).run({"x": x})["y"], expected, atol=1e-5)
