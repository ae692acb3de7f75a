"""Activations, as LiteRT has them or put together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.helpers.keras_against_onnx import graph
from tests.tflite.litert import written

# Far from 0, and of both signs.
X = np.linspace(-90, 90, 4 * 5 * 3, dtype=np.float32).reshape(4, 3, 5)


@pytest.mark.parametrize(
    ("node", "codes"),
    [
        ("Relu(x)", ["RELU"]),
        ("Clip(x, zero, six)", ["RELU6"]),
        ("Clip(x, zero, two)", ["RELU", "MINIMUM"]),
        ("LeakyRelu<alpha=0.3>(x)", ["LEAKY_RELU"]),
        ("Elu(x)", ["ELU"]),
        ("Elu<alpha=0.5>(x)", ["MINIMUM", "ELU", "RELU", "MUL", "ADD"]),
        ("Sigmoid(x)", ["LOGISTIC"]),
        ("Tanh(x)", ["TANH"]),
        ("Softplus(x)", ["ABS", "NEG", "EXP", "RELU", "ADD", "LOG", "ADD"]),
        ("Softsign(x)", ["ABS", "ADD", "DIV"]),
        ("HardSigmoid<alpha=0.16666667,beta=0.5>(x)", ["ADD", "MUL"]),
        ("HardSwish(x)", ["HARD_SWISH"]),
        ("Selu(x)", ["MINIMUM", "ELU", "RELU", "MUL", "ADD", "MUL"]),
        ("LogSoftmax<axis=2>(x)", ["LOG_SOFTMAX"]),
        ("Softmax<axis=2>(x)", ["SOFTMAX"]),
        ("Softmax<axis=1>(x)", ["TRANSPOSE", "SOFTMAX", "TRANSPOSE"]),
    ],
)
def test_an_activation_is_right(node: str, codes: list[str], tmp_path: Path) -> None:
    limits = {"zero": np.float32(0), "six": np.float32(6), "two": np.float32(2)}
    used = {name: array for name, array in limits.items() if name in node}
    net = graph(f"g (float[b,3,5] x) => (y) {{ y = {node} }}", used)
    model = written(net, {"x": X}, tmp_path)
    assert sorted(operator.code for operator in model.operators) == sorted(codes)


def test_slopes_of_channels(tmp_path: Path) -> None:
    slopes = np.float32([0.1, -0.5, 2]).reshape(3, 1, 1)
    net = graph("g (float[b,3,2,2] x) => (y) { y = PRelu(x, s) }", {"s": slopes})
    x = np.linspace(-1, 1, 24, dtype=np.float32).reshape(2, 3, 2, 2)
    model = written(net, {"x": x}, tmp_path)
    assert [operator.code for operator in model.operators] == ["PRELU"]
