"""All steps at once are the steps one after the other, as onnxruntime computes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded
from tests.helpers.strategies.nodes import Draw, NodeExample, nodes_of, tensor

RULES = ["linear", "gated", "delta", "gated_delta"]


@nodes_of("LinearAttention")
@st.composite
def linear_attention(draw: Draw, operator: str) -> NodeExample:
    size = st.integers(1, 3)
    n, t, heads, groups, k, v = (draw(size) for _ in range(6))
    rule = draw(st.sampled_from(RULES))
    decays, betas = [heads, heads * k], [heads, 1]
    shapes = {
        "query": (n, t, heads * groups * k),
        "key": (n, t, heads * k),
        "value": (n, t, heads * v),
        "past": (n, heads, k, v) if draw(st.booleans()) else None,
        "decay": (n, t, draw(st.sampled_from(decays))) if "gated" in rule else None,
        "beta": (n, t, draw(st.sampled_from(betas))) if "delta" in rule else None,
    }
    operands = [
        None if shape is None else draw(tensor(shape, -1, 0 if name == "decay" else 1))
        for name, shape in shapes.items()
    ]
    while operands[-1] is None:
        operands.pop()
    attributes: dict[str, Any] = {"q_num_heads": heads * groups, "kv_num_heads": heads}
    attributes |= {"update_rule": rule, **draw(st.sampled_from([{}, {"scale": 0.5}]))}
    return NodeExample((operator,), tuple(operands), attributes, outputs=2, opset=27)


# Examples


def test_many_steps_of_a_free_number() -> None:
    text = """g (float[n,t,8] q, float[n,t,4] k, float[n,t,6] v, float[n,2,2,3] s, float[n,t,4] d,
               float[n,t,2] b) => (float[n,t,12] y, float[n,2,2,3] p)
        { y, p = LinearAttention<q_num_heads=4, kv_num_heads=2>(q, k, v, s, d, b) }"""
    sizes = {"q": 8, "k": 4, "v": 6, "d": 4, "b": 2}
    feeds = {name: seeded((2, 40, size), index) for index, (name, size) in enumerate(sizes.items())}
    feeds["d"] = -3 * np.abs(feeds["d"])
    raise_and_compare(graph(text, opset=27), feeds | {"s": seeded((2, 2, 2, 3))})
