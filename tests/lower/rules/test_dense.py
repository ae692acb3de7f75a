from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bridge.caffe import Net
from bridge.errors import ShapeError
from bridge.lower import lower
from tests.helpers.golden_cases import assert_close

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


@pytest.mark.parametrize("axis", [1, 2])
def test_rows_of_norm_1(one_layer: Callable[..., Any], axis: int) -> None:
    """inner_product_layer.cu of happynear's fork."""
    behind = X.shape[axis:]
    weight, bias = rng.standard_normal((7, int(np.prod(behind)))) * 3, rng.standard_normal(7)
    text = f"inner_product_param {{ num_output: 7 axis: {axis} normalize: true }}"
    y = one_layer("InnerProduct", text, weights=[weight, bias], x=X)
    unit = weight / np.linalg.norm(weight, axis=1, keepdims=True)
    assert_close(y, (X.reshape(*X.shape[:axis], -1) @ unit.T + bias).astype(np.float32))


def test_rows_of_norm_1_of_a_transposed_matrix_are_those_in_memory(
    one_layer: Callable[..., Any],
) -> None:
    weight = rng.standard_normal((60, 7)) * 3
    settings = "num_output: 7 normalize: true transpose: true bias_term: false"
    y = one_layer("InnerProduct", f"inner_product_param {{ {settings} }}", weights=[weight], x=X)
    rows = weight.reshape(7, 60)
    unit = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).reshape(60, 7)
    assert_close(y, (X.reshape(2, 60) @ unit).astype(np.float32))


@pytest.mark.parametrize("axis", [1, 2])
def test_intels_have_a_relu_behind(one_layer: Callable[..., Any], axis: int) -> None:
    weights = [rng.standard_normal((7, int(np.prod(X.shape[axis:])))), rng.standard_normal(7)]
    text = f"inner_product_param {{ num_output: 7 axis: {axis} %s }}"
    y = one_layer("InnerProduct", text % "", weights=weights, x=X)
    settings = text % "relu: true negative_slope: 0.125"
    assert y.min() < 0
    assert_close(
        one_layer("InnerProduct", settings, weights=weights, x=X), np.where(y > 0, y, y / 8)
    )


def test_embed_takes_rows(one_layer: Callable[..., Any]) -> None:
    table, bias = rng.standard_normal((5, 2)), rng.standard_normal(2)
    text = "embed_param { num_output: 2 input_dim: 5 }"
    y = one_layer("Embed", text, weights=[table, bias], x=[[0, 4], [3, 3]])
    assert_close(y, (table + bias)[[[0, 4], [3, 3]]])


@pytest.mark.parametrize("a", [False, True])
@pytest.mark.parametrize("b", [False, True])
@pytest.mark.parametrize("before", [(), (2,), (2, 3)])
def test_matrices_turned_or_not(
    one_layer: Callable[..., Any], before: tuple[int, ...], a: bool, b: bool
) -> None:
    x, z = rng.standard_normal((*before, 4, 5)), rng.standard_normal((*before, 5, 6))
    expected = np.zeros((*before, 4, 6))
    for i, j in np.ndindex(4, 6):
        expected[..., i, j] = (x[..., i, :] * z[..., :, j]).sum(-1)
    x, z = (v.swapaxes(-1, -2) if turn else v for v, turn in ((x, a), (z, b)))
    text = f"matmul_param {{ transpose_a: {a} transpose_b: {b} }}".lower()
    assert_close(one_layer("MatMul", text, x=x, z=z), expected)


def test_matrices_of_sizes_given(one_layer: Callable[..., Any]) -> None:
    x, z = rng.standard_normal((2, 3, 4, 1)), rng.standard_normal((5, 6, 2))
    text = "matmul_param { dim_1: 2 dim_2: 12 dim_3: 5 }"
    y = one_layer("MatMul", text, x=x, z=z)
    assert_close(y, np.einsum("mk,nk->mn", x.reshape(2, 12), z.reshape(5, 12)))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("", "matrices do not fit"),
        ("transpose_a: true transpose_b: true", "matrices do not fit"),
        ("dim_1: 2 dim_2: 12", "sizes are incomplete"),
        ("dim_1: 2 dim_2: 12 dim_3: 2 transpose_b: true", "together with a transpose"),
        ("dim_1: 2 dim_2: 12 dim_3: 3", "do not fit its sizes"),
    ],
)
def test_matrices_that_do_not_fit(
    one_layer: Callable[..., Any], settings: str, problem: str
) -> None:
    x, z = rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 3, 4))
    with pytest.raises(ShapeError, match=problem):
        one_layer("MatMul", f"matmul_param {{ {settings} }}", x=x, z=z)


def test_products_of_each_sample(net_of: Callable[..., Net], run: Callable[..., Any]) -> None:
    text = """layer { name: "l" type: "MatMul" bottom: "x" bottom: "z" top: "y"
              matmul_param { transpose_b: true } }"""
    model = lower(net_of(text, x=(1, 3, 4), z=(1, 5, 4)))
    assert model.outputs == {"y": ("batch", 3, 5)}
    x, z = rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 5, 4))
    assert_close(run(model, x=x, z=z)["y"], x @ z.swapaxes(1, 2))
