"""What was exported from a Keras model, and runs by itself."""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest

import bridge
from bridge.check.backends.exported import saved_model, tflite
from bridge.errors import UsageError
from bridge.keras.export import save
from tests.helpers.keras_against_onnx import graph
from tests.helpers.small_net import PROTOTXT, Small


@pytest.mark.parametrize("name", ["net.tflite", "saved"])
@pytest.mark.parametrize("io_layout", ["channels_last", "onnx"])
def test_it_is_compared_in_onnx_order_whatever_it_takes(
    small: Small, tmp_path: Path, name: str, io_layout: bridge.results.IoLayout
) -> None:
    bridge.onnx_to_keras(small.onnx, tmp_path / name, io_layout=io_layout)
    report = bridge.check(small.onnx, tmp_path / name)
    assert [row.name for row in report.rows] == ["prob"]
    assert report.ok, report.located()
    wrong = small.rewritten(tmp_path, PROTOTXT.replace("k: 2", "k: 1"))
    assert not bridge.check(wrong, tmp_path / name).ok


@pytest.mark.parametrize("name", ["net.tflite", "saved"])
def test_several_inputs_and_outputs_have_their_names(tmp_path: Path, name: str) -> None:
    one, two = keras.Input((2,), name="one"), keras.Input((2,), name="two")
    outputs = [
        keras.layers.Rescaling(k, name=f"r{k}")(x) for k, x in ((1, two), (2, one), (3, two))
    ]
    model = keras.Model([two, one], outputs)

    save(model, tmp_path / name)
    backend = {"net.tflite": tflite, "saved": saved_model}[name](tmp_path / name)
    arrays = {"one": np.float32([[1, 1]]), "two": np.float32([[10, 10]])}
    results = backend.run([arrays[port.name] for port in backend.inputs])
    ports = zip(backend.outputs, results, strict=True)
    numbers = {port.name: float(result[0, 0]) for port, result in ports}
    assert numbers == {"r1": 10, "r2": 2, "r3": 30}
    assert [*numbers] == ["r1", "r2", "r3"] or name == "saved"


@pytest.mark.parametrize("name", ["net.tflite", "saved"])
def test_what_keras_itself_exports_is_compared_by_position(tmp_path: Path, name: str) -> None:
    text = "g (float[N,2] x) => (float[N,2] b, float[N,2] a) { b = Relu(x)  a = Tanh(x) }"
    onnx.save(graph(text), tmp_path / "net.onnx")
    model = bridge.onnx_to_keras(tmp_path / "net.onnx")
    kind = "litert" if name == "net.tflite" else "tf_saved_model"
    model.export(tmp_path / name, format=kind, verbose=False)
    assert bridge.check(tmp_path / "net.onnx", tmp_path / name).ok


def test_what_cannot_be_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.tflite").write_bytes(b"not at all")
    with pytest.raises(UsageError, match=r"not a \.tflite that can be run"):
        tflite(tmp_path / "net.tflite")
    (tmp_path / "saved").mkdir()
    with pytest.raises(UsageError, match="not a SavedModel that can be run"):
        saved_model(tmp_path / "saved")


def test_what_litert_fails_at_is_told(small: Small, tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    bridge.onnx_to_keras(small.onnx, path, check=False)
    with pytest.raises(UsageError, match="LiteRT cannot run it"):
        tflite(path).run([np.zeros((2, 7), np.float32)])


@pytest.mark.parametrize("name", ["net.tflite", "saved"])
def test_without_tensorflow_it_is_asked_for(
    small: Small, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge.onnx_to_keras(small.onnx, tmp_path / name, check=False)
    for module in ("tensorflow", "ai_edge_litert"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        UsageError, match=r"needs TensorFlow, which is not installed(.|\n)*pip install"
    ):
        {"net.tflite": tflite, "saved": saved_model}[name](tmp_path / name)
