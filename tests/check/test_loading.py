"""Files opened as two models; and whatever cannot be compared, refused by name."""

from __future__ import annotations

import os
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import bridge
from bridge.check.loading import ModelFiles
from bridge.errors import GraphError, UsageError
from tests.helpers.keras_against_onnx import graph
from tests.helpers.small_net import Small

layers = keras.layers


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("net.prototxt", "caffe"),
        ("net.ONNX", "onnx"),
        ("net.keras", "keras"),
        ("net.tflite", "tflite"),
        ("blobs.npz", "recorded"),
    ],
)
def test_files_are_told_by_their_endings(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).touch()
    assert ModelFiles(tmp_path / name).kind == kind
    assert ModelFiles(tmp_path).kind == "saved model"


def test_a_net_without_its_weights_is_refused(small: Small) -> None:
    with pytest.raises(UsageError, match="a net without its weights") as refusal:
        bridge.check(small.prototxt, small.onnx)
    assert refusal.value.expected == "its .caffemodel after it"


@pytest.mark.parametrize("name", ["net.pb", "net"])
def test_other_files_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(UsageError, match="cannot open this"):
        _ = ModelFiles(tmp_path / name).kind
    with pytest.raises(UsageError, match="no such file"):
        _ = ModelFiles(tmp_path / "missing.onnx").kind


@pytest.mark.parametrize(
    ("name", "start", "received"),
    [
        ("net.jpg", b"\xff\xd8\xff\xe0", "an image"),
        ("net.pt", b"PK\x03\x04" + bytes(26) + b"net/data.pkl", "a PyTorch checkpoint"),
        ("net.bin", b"\x1c\0\0\0TFL3", "a TensorFlow Lite model"),
    ],
)
def test_what_another_file_is_is_told(
    name: str, start: bytes, received: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(start)
    with pytest.raises(UsageError, match="cannot open this") as refusal:
        _ = ModelFiles(tmp_path / name).kind
    assert refusal.value.received == received


def test_a_caffe_net_is_compared_with_what_became_of_it(small: Small) -> None:
    """Without any Caffe the report says what it compares."""
    pair = (small.prototxt, small.caffemodel)
    in_onnx, in_keras = bridge.check(pair, small.onnx), bridge.check(pair, small.keras)
    assert in_onnx.ok
    assert in_keras.ok, in_keras.located()
    assert len(in_onnx.rows) == len(in_keras.rows) == 11
    assert any("lowered to ONNX first" in warning for warning in in_keras.warnings)
    assert in_keras.layouts["conv2"] == "n c h w -> n h w c"
    assert {"keras", "onnxruntime"} <= in_keras.versions.keys()
    assert in_keras.permutations == ()


def test_a_runtime_in_its_own_process_has_a_version(small: Small) -> None:
    report = bridge.check(small.onnx, small.onnx, runtime="opencv")
    assert report.versions["opencv"].startswith("5.")


def test_two_models_of_keras_are_compared_as_they_are(small: Small) -> None:
    model = keras.saving.load_model(small.keras)
    assert bridge.check(small.keras, model).ok
    model.get_layer("fc").kernel.assign_add(model.get_layer("fc").kernel)
    report = bridge.check(small.keras, model)
    assert [row.name for row in report.faults] == ["fc"]


def test_a_model_that_was_trained_and_saved_by_others_still_has_its_map(
    small: Small, tmp_path: Path
) -> None:
    """Names of layers are all that is needed; the weights are its own."""
    model = keras.saving.load_model(small.keras)
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(4, 16, 16, 3))
    model.fit(x, np.eye(5)[:4], verbose=0)
    model.save(tmp_path / "tuned.keras")
    report = bridge.check(small.onnx, tmp_path / "tuned.keras")
    assert (len(report.rows), report.ok) == (11, False)


def test_a_model_that_takes_onnx_arrays_is_known_by_its_inputs(small: Small) -> None:
    model = bridge.onnx_to_keras(small.onnx, io_layout="onnx")
    report = bridge.check(small.onnx, model)
    assert report.ok, report.located()
    assert report.permutations
    assert len(report.permutations) == 1


def test_a_recording_and_a_keras_model_need_the_graph_between_them(
    small: Small, tmp_path: Path
) -> None:
    x = np.random.default_rng(3).uniform(-1, 1, (2, 3, 16, 16)).astype(np.float32)
    model = keras.saving.load_model(small.keras)
    prob = np.asarray(model(x.transpose(0, 2, 3, 1)))
    np.savez(tmp_path / "blobs.npz", **{"in/data": x, "out/prob": prob})
    with pytest.raises(UsageError, match="no graph translates"):
        bridge.check(tmp_path / "blobs.npz", small.keras)
    report = bridge.check(tmp_path / "blobs.npz", small.keras, graph=small.onnx)
    assert report.ok, report.located()
    assert [row.name for row in report.rows] == ["prob"]
    assert report.fed == "the inputs of blobs.npz, recorded"


def unrelated(name: str) -> keras.Model:
    x = keras.Input((16, 16, 3), name=name)
    y = layers.Dense(3, name="conv1")(x)
    return keras.Model(x, layers.GlobalAveragePooling2D(name="prob")(y))


def test_a_model_of_another_graph_is_refused(small: Small) -> None:
    with pytest.raises(UsageError, match="the inputs of this model are not those of the graph"):
        bridge.check(small.onnx, unrelated("image"))
    with pytest.raises(UsageError, match="this model was not raised from this graph") as refusal:
        bridge.check(small.onnx, unrelated("data"))
    assert "conv1 is a Dense, not layers.Conv2D" in str(refusal.value)


def test_ends_of_two_graphs_are_matched_by_position(tmp_path: Path) -> None:
    for name, (x, y) in {"one": ("x", "y"), "two": ("p", "q")}.items():
        text = f"g (float[b,4] {x}) => (float[b,4] {y}) {{ {y} = Relu({x}) }}"
        onnx.save(graph(text), tmp_path / f"{name}.onnx")
    report = bridge.check(tmp_path / "one.onnx", tmp_path / "two.onnx")
    assert report.ok
    assert [row.name for row in report.rows] == ["y"]


def test_nothing_in_common_is_told(tmp_path: Path, small: Small) -> None:
    np.savez(tmp_path / "blobs.npz", other=np.zeros(3))
    with pytest.raises(UsageError, match="the two models have no value in common"):
        bridge.check(tmp_path / "blobs.npz", small.onnx, inputs={"data": zeros()})


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape or (1, 3, 16, 16), np.float32)


def test_nodes_that_read_each_other_in_a_circle_are_refused(tmp_path: Path) -> None:
    """They must not be followed for ever."""
    circle = [
        helper.make_node("Identity", ["b"], ["a"]),
        helper.make_node("Identity", ["a"], ["b"]),
        helper.make_node("Gather", ["table", "b"], ["y"]),
    ]
    table = numpy_helper.from_array(np.zeros((9, 4), np.float32), "table")
    output = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    for nodes in (circle, [*circle[:2], helper.make_node("Relu", ["b"], ["y"])]):
        model = helper.make_model(helper.make_graph(nodes, "circle", [], [output], [table]))
        onnx.save(model, tmp_path / "circle.onnx")
        with pytest.raises(GraphError):
            bridge.check(tmp_path / "circle.onnx", tmp_path / "circle.onnx")
        with pytest.raises(GraphError):
            bridge.onnx_to_keras(tmp_path / "circle.onnx")


@pytest.mark.parametrize("name", ["a.tflite", "a.keras", "a.npz"])
def test_a_pipe_is_no_model(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(UsageError, match="cannot read the model"):
        bridge.check(tmp_path / name, tmp_path / name)
