"""Parameters that Keras's layers do not take, and ONNX and Caffe do."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import bridge
from bridge.errors import UnsupportedOperatorError
from tests.helpers.golden_cases import assert_close
from tests.helpers.keras_against_onnx import graph, plan_of, raise_and_compare, seeded

SHAPE = (2, 3, 4, 4)


@pytest.mark.parametrize(
    "node",
    [
        "LeakyRelu<alpha=-0.5>(x)",
        "LeakyRelu<alpha=0.0>(x)",
        "Elu<alpha=-0.7>(x)",
        "Celu<alpha=-0.7>(x)",
        "ThresholdedRelu<alpha=-0.7>(x)",
        "HardSigmoid<alpha=-0.2,beta=0.5>(x)",
        "Dropout<ratio=1.0>(x)",
        "LRN<size=3,alpha=1.0,beta=2.0,bias=-3.0>(x)",
        "Clip<min=0.0,max=0.0>(x)",
    ],
)
def test_they_are_computed_as_onnx_says(node: str) -> None:
    opset = 10 if node.startswith(("Clip", "Dropout")) else 17  # those with their attributes
    model = graph(f"g (float[2,3,4,4] x) => (float[2,3,4,4] y) {{ y = {node} }}", opset=opset)
    raise_and_compare(model, {"x": 4 * seeded(SHAPE)})


@pytest.mark.parametrize(
    ("kind", "ends"),
    [
        *[("float", ends) for ends in ((0, -1), (2, 1), (-1, -0.5), (0, np.inf), (-np.inf, 0))],
        *[("int64", ends) for ends in ((0, -1), (2, 1), (-2, 1), (0, 1))],
    ],
)
def test_a_clip_whose_ends_are_crossed_gives_the_upper_one(
    kind: str, ends: tuple[float, float]
) -> None:
    dtype = {"float": np.float32, "int64": np.int64}[kind]
    low, high = (np.array(end, dtype) for end in ends)
    model = graph(
        f"g ({kind}[2,3,4,4] x) => ({kind}[2,3,4,4] y) {{ y = Clip(x, low, high) }}",
        {"low": low, "high": high},
    )
    raise_and_compare(model, {"x": (4 * seeded(SHAPE)).astype(dtype)})


@pytest.mark.parametrize("ratio", [-0.5, 2.0])
def test_a_dropout_of_no_share_is_refused(ratio: float) -> None:
    model = graph(
        f"g (float[2,3] x) => (float[2,3] y) {{ y = Dropout<ratio={ratio}>(x) }}", opset=10
    )
    with pytest.raises(UnsupportedOperatorError, match="no share to drop"):
        plan_of(model)


def test_caffes_relu_with_a_slope_below_0_is_a_keras_file(tmp_path: Path) -> None:
    text = """
    layer { name: "data" type: "Input" top: "data" input_param { shape {
            dim: 1 dim: 3 dim: 4 dim: 4 } } }
    layer { name: "r" type: "ReLU" bottom: "data" top: "r" relu_param { negative_slope: -0.25 } }"""
    (tmp_path / "net.prototxt").write_text(text, encoding="utf-8")
    bridge.caffe_to_keras(tmp_path / "net.prototxt", output=tmp_path / "net.keras")
    model = keras.models.load_model(tmp_path / "net.keras", safe_mode=True)
    x = seeded((1, 4, 4, 3))
    assert_close(np.asarray(model(x)), np.where(x > 0, x, -0.25 * x), "r")
