"""Attention, beyond what the raising law draws: how natural it is, and what is left to its body."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import strategies as st

from tests.helpers.archives import loaded_from_archive
from tests.helpers.keras_against_onnx import Raised, graph, raise_and_compare, seeded
from tests.helpers.strategies.nodes import Draw, NodeExample, Tensor, nodes_of, sizes, values


@nodes_of("Attention", since=23)
@st.composite
def attention(draw: Draw, operator: str) -> NodeExample:
    n, t, s, h = (draw(sizes(4)) for _ in range(4))
    v = draw(st.sampled_from([h, h, 2]))
    b = draw(sizes(3))
    a = b * draw(st.sampled_from([1, 1, 2]))
    attributes: dict[str, Any] = draw(st.sampled_from([{}, {"scale": 0.3}, {"is_causal": 1}]))
    free = {0: "batch", 2: "height"}
    shapes = [(n, a, t, h), (n, b, s, h), (n, b, s, v)]
    if draw(st.booleans()):
        shapes = [(n, t, a * h), (n, s, b * h), (n, s, b * v)]
        attributes = {**attributes, "q_num_heads": a, "kv_num_heads": b}
        free = {0: "batch", 1: "height"}
    q, k, w = (draw(values(shape)) for shape in shapes)
    operands = [Tensor(q, free), Tensor(k, {0: "batch"}), Tensor(w, {0: "batch"})]
    mask = None
    if "is_causal" not in attributes and draw(st.booleans()):
        mask = draw(values((t, s)))
        mask = mask if draw(st.booleans()) else (mask > 0) | (np.arange(s) == 0)
        operands[0] = Tensor(q, {0: "batch"})
    return NodeExample((operator,), (*operands, mask), attributes, opset=23)


# Examples


Q = seeded((2, 3, 5, 4))


def model_of(node: str, further: str = "") -> onnx.ModelProto:
    text = f"""g (float[b,3,5,4] q, float[b,3,5,4] k{further}) => (float[b,3,5,4] y) {{
        y = Attention{node}
    }}"""
    return graph(text, opset=23)


@pytest.mark.parametrize("options", ["", "<is_causal=1>", "<scale=0.5>"])
def test_attention_is_one_function(options: str) -> None:
    plan = raise_and_compare(model_of(f"{options}(q, k, k)"), {"q": Q, "k": -Q}).plan
    kinds = [call.target for call in plan.calls]
    assert "ops.dot_product_attention" in kinds
    assert "ops.matmul" not in kinds


def test_a_mask_that_the_data_give_is_left_to_what_attention_is_defined_as() -> None:
    """Keras gives the mean of all values for a query without a key, and ONNX zeros."""
    kept = np.ones((5, 5), bool)
    kept[1:3, 1:] = False
    model = model_of("(q, k, k, mask)", ", bool[5,5] mask")
    plan = raise_and_compare(model, {"q": Q, "k": -Q, "mask": kept}).plan
    assert "ops.dot_product_attention" not in [call.target for call in plan.calls]


def test_attention_behind_a_fused_layer_is_expanded_too() -> None:
    text = """g (float[b,5,4] x, bool[5,5] mask) => (float[b,5,4] y) {
        p = MatMul(x, w)  q = Add(p, c)
        y = Attention<q_num_heads=2, kv_num_heads=2>(q, q, q, mask)
    }"""
    model = graph(text, {"w": seeded((4, 4), 1), "c": seeded((4,), 2)}, opset=23)
    raise_and_compare(model, {"x": Q[:, 0], "mask": np.tri(5, dtype=bool)})


def test_a_softcap_is_left_to_what_attention_is_defined_as() -> None:
    plan = raise_and_compare(model_of("<softcap=0.5>(q, k, k)"), {"q": Q, "k": -Q}).plan
    assert "ops.dot_product_attention" not in [call.target for call in plan.calls]


@pytest.mark.parametrize("causal", [0, 1])
def test_a_file_holds_nothing_but_keras(causal: int) -> None:
    text = f"""g (float[b,3,5,4] q, float[b,3,5,4] k) => (float[b,3,5,4] y) {{
        y = Attention<is_causal={causal}>(q, k, k{"" if causal else ", mask"})
    }}"""
    constants = {} if causal else {"mask": np.tri(5, dtype=bool)}
    feeds = {"q": Q, "k": -Q}
    raised = raise_and_compare(graph(text, constants, opset=23), feeds)
    again = loaded_from_archive(raised.plan, raised.model)
    np.testing.assert_array_equal(
        Raised(raised.plan, again).run(feeds)["y"], raised.run(feeds)["y"]
    )
