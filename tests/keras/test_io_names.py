"""The names of a graph's inputs and outputs, and their order, in every kind of file."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import bridge
from bridge.keras.io_names import input_names, output_names, serving_names
from bridge.raising.names import decode, encode
from tests.helpers.keras_against_onnx import in_onnxruntime, seeded

# Neither alphabetical nor in the order in which they are computed, and all that is odd: a name
# that Keras refuses, of a layer before, and of another case; an input, a tensor twice, a constant,
# and the second result of an operation.
OUTPUTS = [
    *("z/scores:0", "relu", "Boxes", "boxes", "images", "again", "constant", "right", "left"),
]
ALONE = """
import sys
sys.modules["bridge"] = None
import keras
print(*keras.models.load_model("net.keras", safe_mode=True).output_names)
"""


@pytest.fixture(scope="module")
def odd() -> onnx.ModelProto:
    def info(name: str) -> onnx.ValueInfoProto:
        sizes = {"constant": [3], "right": ["N", 2], "left": ["N", 2]}.get(name, ["N", 4])
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes)

    nodes = [
        helper.make_node("Gemm", ["x.1", "w"], ["h"], name="relu"),
        helper.make_node("Split", ["h"], ["left", "right"], name="split", axis=1, num_outputs=2),
        helper.make_node("Relu", ["h"], ["relu"], name="layer"),
        helper.make_node("Identity", ["relu"], ["again"], name="same"),
        helper.make_node("Tanh", ["images"], ["boxes"], name="b"),
        helper.make_node("Softmax", ["h"], ["z/scores:0"], name="scores"),
        helper.make_node("Abs", ["h"], ["Boxes"], name="B"),
    ]
    weights = {"w": seeded((4, 4)), "constant": np.float32([1, 2, 3])}
    inputs = [info(name) for name in ("x.1", "images")]
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    whole = helper.make_graph(nodes, "odd", inputs, [info(name) for name in OUTPUTS], tensors)
    return helper.make_model(whole, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


FEEDS = {"x.1": seeded((2, 4), 1), "images": seeded((2, 4), 2)}


def expected(odd: onnx.ModelProto) -> dict[str, Any]:
    return in_onnxruntime(odd, FEEDS)


def test_a_model_has_the_names_of_the_graph_in_its_order(odd: onnx.ModelProto) -> None:
    model = bridge.onnx_to_keras(odd)
    assert [decode(name) for name in model.output_names] == OUTPUTS
    assert (input_names(model), output_names(model)) == (["x.1", "images"], OUTPUTS)
    results = model([*FEEDS.values()])
    for result, array in zip(results, expected(odd).values(), strict=True):
        np.testing.assert_allclose(np.asarray(result), array, rtol=1e-5, atol=1e-6)
    assert {"relu0-_output-", "boxes0-_output-"} <= {*model.output_names}
    kinds = {layer.name: type(layer).__name__ for layer in model.layers}
    assert kinds["relu"] == "Dense"
    identities = {name for name, kind in kinds.items() if kind == "Identity"}
    assert {decode(name) for name in identities} == {"relu", "boxes", "right", "left"}


def test_a_keras_file_has_them_where_bridge_is_not(odd: onnx.ModelProto, tmp_path: Path) -> None:
    model = bridge.onnx_to_keras(odd, tmp_path / "net.keras")
    done = subprocess.run(
        [sys.executable, "-I", "-c", ALONE],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == " ".join(model.output_names)


def test_a_saved_model_returns_them_by_name_and_in_order(
    odd: onnx.ModelProto, tmp_path: Path
) -> None:
    tensorflow = pytest.importorskip("tensorflow")
    bridge.onnx_to_keras(odd, tmp_path / "net", check=False)
    loaded = tensorflow.saved_model.load(tmp_path / "net")
    feeds = {name: tensorflow.constant(array) for name, array in FEEDS.items()}
    by_name = loaded.signatures["serving_default"](**feeds)
    in_order = loaded.serve([*feeds.values()])
    for (name, array), result in zip(expected(odd).items(), in_order, strict=True):
        for received in (by_name[name], result):
            np.testing.assert_allclose(received.numpy(), array, rtol=1e-5, atol=1e-6)
    assert bridge.check(saved(odd, tmp_path), tmp_path / "net").ok


def test_a_tflite_file_has_them_in_its_signature(odd: onnx.ModelProto, tmp_path: Path) -> None:
    lite = pytest.importorskip("tensorflow").lite
    bridge.onnx_to_keras(odd, tmp_path / "net.tflite", check=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's copy of LiteRT is deprecated
        interpreter = lite.Interpreter(str(tmp_path / "net.tflite"))
    run = interpreter.get_signature_runner()
    indices = {name: detail["index"] for name, detail in run.get_output_details().items()}
    assert indices.keys() == set(OUTPUTS)
    listed = [detail["index"] for detail in interpreter.get_output_details()]
    assert listed == [indices[name] for name in OUTPUTS]
    inputs = {detail["index"]: name for name, detail in run.get_input_details().items()}
    assert [inputs[d["index"]] for d in interpreter.get_input_details()] == ["x.1", "images"]
    assert bridge.check(saved(odd, tmp_path), tmp_path / "net.tflite").ok


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    onnx.save(model, folder / "net.onnx")
    return folder / "net.onnx"


def test_the_way_back_to_onnx_has_them(odd: onnx.ModelProto) -> None:
    model = bridge.onnx_to_keras(odd)
    done = bridge.keras_to_onnx(model)  # compared with onnxruntime there
    onnx.checker.check_model(done.proto, full_check=True)
    assert [info.name for info in done.proto.graph.input] == ["x.1", "images"]
    assert [info.name for info in done.proto.graph.output] == OUTPUTS == [*done.outputs]
    again = bridge.onnx_to_keras(done.proto)
    assert output_names(again) == OUTPUTS
    assert again.output_names == model.output_names


def test_a_dict_of_a_users_own_model_names_its_outputs(tmp_path: Path) -> None:
    x = keras.Input((3,), name="x")
    outputs = {"y": keras.layers.ReLU()(x), "x": keras.ops.abs(x), "a": x}
    done = bridge.keras_to_onnx(keras.Model(x, outputs))
    assert [*done.outputs] == ["a", "x/output", "y"]  # Keras has a dict in order of its keys


def test_a_name_that_tensorflow_refuses_for_an_argument_is_spelled_as_in_keras() -> None:
    def model(*names: str) -> keras.Model:
        inputs = [keras.Input((1,), name=encode(name)) for name in names]
        return keras.Model(inputs, inputs)

    assert serving_names(model("input.1", "a/b")) == ["input.1", "a/b"]
    assert serving_names(model("input.1", "a b")) == ["input--1", "a0-_20-b"]
    assert serving_names(model("a.1", "A_1")) == ["a--1", "A_1"]
