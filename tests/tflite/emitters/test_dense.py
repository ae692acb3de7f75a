"""Dense layers, products, look-ups and normalisations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.helpers.keras_against_onnx import graph, seeded
from tests.tflite.litert import written


@pytest.mark.parametrize(
    ("node", "shape", "codes"),
    [
        ("Gemm<transB=1>(x, w, o)", (2, 3), ["FULLY_CONNECTED"]),
        ("MatMul(x, v)", (2, 3), ["FULLY_CONNECTED"]),
        ("MatMul(x, v)", (2, 5, 3), ["FULLY_CONNECTED"]),
    ],
)
def test_a_dense_layer_is_right(
    node: str, shape: tuple[int, ...], codes: list[str], tmp_path: Path
) -> None:
    weights = {"w": seeded((4, 3)), "v": seeded((3, 4)), "o": seeded((4,), 1)}
    used = {name: array for name, array in weights.items() if name in node}
    sizes = ",".join(map(str, shape[1:]))
    net = graph(f"g (float[b,{sizes}] x) => (y) {{ y = {node} }}", used)
    model = written(net, {"x": seeded(shape, 2)}, tmp_path)
    assert [operator.code for operator in model.operators] == codes


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3, 4), (2, 3)])
def test_a_normalisation_by_itself_is_a_factor_and_a_summand(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    sizes = ",".join(map(str, shape[1:]))
    text = f"g (float[b,{sizes}] x) => (y) {{ y = BatchNormalization(x, s, o, m, v) }}"
    vectors = {name: seeded((3,), seed) for seed, name in enumerate("som")}
    net = graph(text, {**vectors, "v": np.abs(seeded((3,), 4))})
    model = written(net, {"x": seeded(shape, 5)}, tmp_path)
    assert {operator.code for operator in model.operators} <= {"MUL", "ADD", "TRANSPOSE"}


def test_two_tensors_are_multiplied(tmp_path: Path) -> None:
    net = graph("g (float[b,2,3,4] x, float[b,1,4,5] z) => (y) { y = MatMul(x, z) }")
    model = written(net, {"x": seeded((2, 2, 3, 4)), "z": seeded((2, 1, 4, 5), 1)}, tmp_path)
    assert "BATCH_MATMUL" in {operator.code for operator in model.operators}


def test_a_normalisation_of_each_sample(tmp_path: Path) -> None:
    text = "g (float[b,3,4] x) => (y) { y = LayerNormalization<axis=2>(x, s, o) }"
    net = graph(text, {"s": seeded((4,)), "o": seeded((4,), 1)})
    model = written(net, {"x": seeded((2, 3, 4), 2)}, tmp_path)
    assert "RSQRT" in {operator.code for operator in model.operators}


@pytest.mark.parametrize("node", ["Mul(x, k)", "Add(x, k)", "Gather(t, i)"])
def test_products_and_look_ups_are_right(node: str, tmp_path: Path) -> None:
    constants = {"k": seeded((3, 1, 5)), "t": seeded((6, 4))}
    used = {name: array for name, array in constants.items() if name in node.split("(")[1]}
    feeds = {"x": seeded((2, 3, 4, 5))}
    inputs = "float[b,3,4,5] x"
    if "Gather" in node:
        inputs, feeds = "int64[b,3] i", {"i": np.int64([[0, 5, 2], [1, 1, 3]])}
    written(graph(f"g ({inputs}) => (y) {{ y = {node} }}", used), feeds, tmp_path)
