"""LSTMUnit against its definition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bridge
from bridge.check.runners import OnnxRunner
from bridge.errors import ShapeError

TEXT = """
layer { name: "c0" type: "Input" top: "c0" input_param { shape { dim: [1, 3, 4] } } }
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: [1, 3, %d] } } }
layer { name: "cont" type: "Input" top: "cont" input_param { shape { dim: [1, 3] } } }
layer { name: "u" type: "LSTMUnit" bottom: "c0" bottom: "x" bottom: "cont" top: "c" top: "h" }
"""


def test_one_step(tmp_path: Path) -> None:
    net = tmp_path / "net.prototxt"
    net.write_text(TEXT % 16, encoding="utf-8")
    done = bridge.caffe_to_onnx(net, None, tmp_path / "net.onnx")
    assert done.path is not None
    generator = np.random.default_rng(0)
    c0, x = (generator.normal(size=(1, 3, size)).astype(np.float32) for size in (4, 16))
    cont = np.float32([[1, 0, 1]])
    results = OnnxRunner(done.path).run({"c0": c0, "x": x, "cont": cont})
    i, f, o = (1 / (1 + np.exp(-x[..., k * 4 : k * 4 + 4])) for k in range(3))
    c = f * cont[..., None] * c0 + i * np.tanh(x[..., 12:])
    np.testing.assert_allclose(results["c"], c, atol=1e-6)
    np.testing.assert_allclose(results["h"], o * np.tanh(c), atol=1e-6)


def test_gates_of_another_size_are_refused(tmp_path: Path) -> None:
    net = tmp_path / "net.prototxt"
    net.write_text(TEXT % 12, encoding="utf-8")
    with pytest.raises(ShapeError, match=r"net\.prototxt:5.*'u' \(LSTMUnit\).*gates do not fit"):
        bridge.caffe_to_onnx(net)
