"""Products of integers, compared number by number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from bridge.errors import UnsupportedOperatorError
from tests.helpers.keras_against_onnx import graph, in_onnxruntime, plan_of, raise_and_compare
from tests.helpers.strategies.nodes import Draw, NodeExample, Operand, Tensor, nodes_of, sizes
from tests.raising.rules.quantized.test_linear import integers


@st.composite
def zero_point(draw: Draw, dtype: type) -> Operand:
    return np.asarray(draw(st.integers(0, 127)), dtype)


SCALE = st.sampled_from([0.5, 0.25, 1.0]).map(np.float32)
LARGE = st.sampled_from([64.0, 512.0]).map(np.float32)


@nodes_of("ConvInteger", "QLinearConv", since=10)
@st.composite
def convolution(draw: Draw, operator: str) -> NodeExample:
    n, i, o, h, w = (draw(sizes(4)) for _ in range(5))
    x = Tensor(draw(integers((n, i, h, w), np.uint8)), {0: "batch"})
    kernel = draw(integers((o, i, 1, min(2, w)), np.uint8))
    zeros = [draw(zero_point(np.uint8)) for _ in range(3)]
    attributes = {"pads": draw(st.sampled_from([[0] * 4, [0, 1, 0, 1]]))}
    if operator == "ConvInteger":
        operands: tuple[Operand, ...] = (x, kernel, zeros[0], zeros[1])
    else:
        scales = draw(SCALE), np.full(o, draw(SCALE)), draw(LARGE)
        bias = draw(st.sampled_from([(), (np.arange(o, dtype=np.int32),)]))
        operands = (x, scales[0], zeros[0], kernel, scales[1], zeros[1], scales[2], zeros[2], *bias)
    return NodeExample((operator,), operands, attributes)


@nodes_of("MatMulInteger", "QLinearMatMul", since=10)
@st.composite
def product(draw: Draw, operator: str) -> NodeExample:
    n, k, m = (draw(sizes(4)) for _ in range(3))
    a = Tensor(draw(integers((n, k), np.uint8)), {0: "batch"})
    matrix = draw(integers((k, m), np.uint8))
    b = draw(st.sampled_from([matrix, Tensor(matrix)]))
    zeros = [draw(zero_point(np.uint8)) for _ in range(3)]
    if operator == "MatMulInteger":
        return NodeExample((operator,), (a, b, *zeros[:2]))
    scales = draw(SCALE), draw(SCALE), draw(LARGE)
    operands = (a, scales[0], zeros[0], b, scales[1], zeros[1], scales[2], zeros[2])
    return NodeExample((operator,), operands)


# Examples


def test_sums_beyond_what_float32_holds_are_exact() -> None:
    text = "g (uint8[1,2000] a) => (int32[1,2] y) { y = MatMulInteger(a, b) }"
    b = np.random.default_rng(0).integers(0, 256, (2000, 2)).astype(np.uint8)
    a = np.random.default_rng(1).integers(128, 256, (1, 2000)).astype(np.uint8)
    model = graph(text, {"b": b})
    received = raise_and_compare(model, {"a": a}).run({"a": a})["y"]
    assert np.array_equal(received, in_onnxruntime(model, {"a": a})["y"])


def test_scales_of_each_channel() -> None:
    text = """g (int8[1,2,3,3] x) => (int8[1,3,3,3] y) {
        y = QLinearConv(x, xs, xz, w, ws, wz, ys, yz)
    }"""
    generator = np.random.default_rng(0)
    constants = {
        "xs": np.float32(0.02),
        "xz": np.int8(3),
        "w": generator.integers(-127, 128, (3, 2, 1, 1)).astype(np.int8),
        "ws": np.array([0.01, 0.02, 0.03], np.float32),
        "wz": np.zeros(3, np.int8),
        "ys": np.float32(0.05),
        "yz": np.int8(-7),
    }
    x = generator.integers(-128, 128, (1, 2, 3, 3)).astype(np.int8)
    model = graph(text, constants)
    received = raise_and_compare(model, {"x": x}).run({"x": x})["y"]
    assert np.array_equal(received, in_onnxruntime(model, {"x": x})["y"])


def test_zero_points_of_rows_are_refused() -> None:
    text = "g (uint8[2,3] a) => (int32[2,2] y) { y = MatMulInteger(a, b, az) }"
    constants = {"b": np.ones((3, 2), np.uint8), "az": np.array([1, 2], np.uint8)}
    with pytest.raises(UnsupportedOperatorError, match="zero points of an axis"):
        plan_of(graph(text, constants))
