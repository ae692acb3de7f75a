from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bridge.caffe import Net
from bridge.lower import lower
from golden_cases import assert_close

rng = np.random.default_rng(0)
X = rng.standard_normal((2, 3, 4, 5)).astype(np.float32)


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1, -3])
def test_every_axis(one_layer: Callable[..., Any], axis: int, bias: bool, transpose: bool) -> None:
    before, behind = X.shape[: axis % 4], X.shape[axis % 4 :]
    weight = rng.standard_normal((7, int(np.prod(behind))))
    added = rng.standard_normal(7)
    settings = f"num_output: 7 axis: {axis} transpose: {transpose} bias_term: {bias}".lower()
    y = one_layer(
        "InnerProduct",
        f"inner_product_param {{ {settings} }}",
        weights=[weight.T if transpose else weight, *([added] if bias else [])],
        x=X,
    )
    assert_close(y, X.reshape(*before, -1) @ weight.T + (added if bias else 0))


def test_a_flat_input_is_not_flattened_again(net_of: Callable[..., Net]) -> None:
    text = """layer { name: "l" type: "InnerProduct" bottom: "x" top: "y"
              inner_product_param { num_output: 7 } }"""
    weights = {"l": [np.ones((7, 3)), np.ones(7)]}
    model = lower(net_of(text, weights, x=(2, 3)))
    assert [node.op_type for node in model.proto.graph.node] == ["Gemm"]


def test_embed_takes_rows(one_layer: Callable[..., Any]) -> None:
    table, bias = rng.standard_normal((5, 2)), rng.standard_normal(2)
    text = "embed_param { num_output: 2 input_dim: 5 }"
    y = one_layer("Embed", text, weights=[table, bias], x=[[0, 4], [3, 3]])
    assert_close(y, (table + bias)[[[0, 4], [3, 3]]])
