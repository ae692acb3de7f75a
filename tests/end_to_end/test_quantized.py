"""A net of int8 through the command: the float model by default, its own steps on request."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import bridge
from bridge.cli import main
from bridge.convert import raise_onnx
from bridge.errors import UsageError
from tests.helpers.quantized_graphs import quantized, run

# As quantizers leave a residual block: the ReLUs are zero points at the least integer.
PAIRS = """
g (float[n,3,8,8] x) => (float[n,5] y) {
    q = QuantizeLinear(x, xs, xz)                       d = DequantizeLinear(q, xs, xz)
    w = DequantizeLinear<axis = 0>(wq, ws, wz)          v = DequantizeLinear<axis = 0>(vq, ws, wz)
    b = DequantizeLinear<axis = 0>(bq, bs)
    conv1 = Conv<pads = [1, 1, 1, 1]>(d, w, b)
    r = QuantizeLinear(conv1, rs, rz)                   e = DequantizeLinear(r, rs, rz)
    m = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(e)
    o = QuantizeLinear(m, rs, rz)                       f = DequantizeLinear(o, rs, rz)
    conv2 = Conv<pads = [1, 1, 1, 1]>(f, v)
    s = QuantizeLinear(conv2, ss, sz)                   h = DequantizeLinear(s, ss, sz)
    sum = Add(f, h)
    t = QuantizeLinear(sum, rs, rz)                     i = DequantizeLinear(t, rs, rz)
    pool = GlobalAveragePool(i)
    flat = Flatten(pool)
    k = DequantizeLinear(kq, ks, kz)
    dense = Gemm(flat, k)
    u = QuantizeLinear(dense, ss, sz)                   y = DequantizeLinear(u, ss, sz)
}
"""
PRODUCTS = """
g (float[n,3,8,8] x) => (float[n,5] y) {
    q = QuantizeLinear(x, xs, xz)
    r = QLinearConv<pads = [1, 1, 1, 1]>(q, xs, xz, wq, ws, wz, rs, rz, bq)
    m = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(r)
    s = QLinearConv<pads = [1, 1, 1, 1]>(m, rs, rz, vq, ws, wz, ss, sz)
    t = com.microsoft.QLinearAdd(m, rs, rz, s, ss, sz, rs, rz)
    pool = com.microsoft.QLinearGlobalAveragePool(t, rs, rz, rs, rz)
    flat = Flatten(pool)
    u = com.microsoft.QGemm(flat, rs, rz, kq, ks, kz, , ss, sz)
    y = DequantizeLinear(u, ss, sz)
}
"""


def net(text: str, dtype: type) -> onnx.ModelProto:
    rng, low = np.random.default_rng(0), np.iinfo(dtype).min

    def weights(*shape: int) -> NDArray[Any]:
        return rng.integers(-127, 128, shape).astype(np.int8)

    scale = np.linspace(0.002, 0.004, 8, dtype=np.float32)
    steps = {"x": (0.02, low + 120), "r": (0.02, low), "s": (0.04, low + 130)}
    return quantized(
        text,
        {
            "wq": weights(8, 3, 3, 3),
            "vq": weights(8, 8, 3, 3) // 4,
            "kq": weights(8, 5),
            "ws": scale,
            "wz": np.zeros(8, np.int8),
            "ks": np.float32(0.01),
            "kz": np.int8(0),
            "bq": rng.integers(-999, 999, 8).astype(np.int32),
            "bs": scale * np.float32(0.02),
            **{f"{name}s": np.float32(scale) for name, (scale, _) in steps.items()},
            **{f"{name}z": dtype(zero) for name, (_, zero) in steps.items()},
        },
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize("text", [PAIRS, PRODUCTS], ids=["pairs", "products"])
def test_the_float_model_by_default(
    text: str, dtype: type, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, output = tmp_path / "net.onnx", tmp_path / "net.keras"
    onnx.save(model := net(text, dtype), path)
    with pytest.raises(SystemExit) as stopped:
        main(["onnx-to-keras", str(path), "-o", str(output)])
    assert not stopped.value.code
    said = capsys.readouterr()
    assert "0 transposes" in said.out
    (warning,) = said.err.splitlines()
    far = re.search(
        r"became the float model.*--quantized keep.*; 'y' differs .* up to (\S+), ", warning
    )
    assert far is not None
    raised = keras.saving.load_model(output)
    kinds = [type(layer).__name__ for layer in raised.layers]
    assert {"Conv2D", "Dense", "MaxPooling2D", "ReLU"} <= {*kinds}
    assert "Cast" not in {type(operation).__name__ for operation in raised.operations}
    images = np.random.default_rng(3).uniform(-2.5, 2.5, (4, 3, 8, 8)).astype(np.float32)
    received = raised.predict(images.transpose(0, 2, 3, 1), verbose=0)
    expected = run(model, {"x": images})["y"]
    assert np.abs(received - expected).max() <= max(3 * float(far[1]), 0.12)
    assert np.ptp(expected) > 1


def test_its_own_steps_on_request(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(net(PAIRS, np.uint8), path)
    raising = raise_onnx(path, quantized="keep")
    assert raising.warnings == ()
    assert raising.report is not None
    assert raising.report.ok
    model = raising.model
    assert "Round" in {type(operation).__name__ for operation in model.operations}
    model.save(tmp_path / "net.keras")
    assert bridge.check(path, tmp_path / "net.keras").ok


def test_a_comparison_with_the_quantized_graph_says_that_it_is_one(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(net(PAIRS, np.uint8), path)
    raise_onnx(path, tmp_path / "net.keras")
    report = bridge.check(path, tmp_path / "net.keras")
    assert report.verdict == "differs"
    assert any("float model" in warning for warning in report.warnings)
    assert {"d", "e", "h", "i"} <= {*report.by_name}


def test_without_a_check_nothing_is_compared() -> None:
    raising = raise_onnx(net(PAIRS, np.uint8), check=False)
    (note,) = raising.warnings
    assert note.endswith("(--quantized keep rounds them)")


def test_other_words_are_refused() -> None:
    with pytest.raises(UsageError, match="unknown quantized"):
        raise_onnx(net(PAIRS, np.uint8), quantized="int8")  # type: ignore[arg-type]
