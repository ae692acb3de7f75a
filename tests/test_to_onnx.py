"""The verb keras_to_onnx, and there and back again."""

from __future__ import annotations

import re
from pathlib import Path
from zipfile import ZipFile

import keras
import numpy as np
import pytest

import bridge
from bridge.check.runners import OnnxRunner
from bridge.errors import UsageError
from bridge.files import memory
from tests.helpers.golden_cases import assert_close
from tests.helpers.small_net import PROTOTXT, Small, weights


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    net = Small(tmp_path_factory.mktemp("small")).write(PROTOTXT, weights())
    bridge.onnx_to_keras(net.onnx, net.keras)
    return net


def test_a_file_appears_and_was_checked(small: Small, tmp_path: Path) -> None:
    done = bridge.keras_to_onnx(small.keras, tmp_path / "back.onnx")
    assert done.path == tmp_path / "back.onnx"
    assert done.report is not None
    assert done.report.ok
    assert done.inputs == {"data": ("batch", 3, 16, 16)}
    assert done.outputs == {"prob": ("batch", 5)}
    assert [path.name for path in tmp_path.iterdir()] == ["back.onnx"]


def test_raised_again_it_has_the_same_layers_and_parameters(small: Small) -> None:
    first = keras.saving.load_model(small.keras)
    again = bridge.onnx_to_keras(bridge.keras_to_onnx(first).proto)
    for one, other in zip(first.weights, again.weights, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-6)
    assert [layer.name for layer in first.layers if layer.weights] == [
        layer.name for layer in again.layers if layer.weights
    ]
    assert not {type(layer).__name__ for layer in again.operations} & {"Permute", "Transpose"}


def test_a_batch_norm_over_vectors_comes_back_as_one() -> None:
    x = keras.Input((6,), name="x")
    model = keras.Model(x, keras.layers.BatchNormalization(name="bn")(x))
    model.set_weights(list(np.random.default_rng(0).uniform(0.5, 2, (4, 6))))
    again = bridge.onnx_to_keras(bridge.keras_to_onnx(model).proto)
    (layer,) = again.layers[1:]
    assert (type(layer), layer.name) == (keras.layers.BatchNormalization, "bn")
    array = np.random.default_rng(1).normal(size=(3, 6)).astype(np.float32)
    assert_close(np.asarray(again(array)), np.asarray(model(array)))


def test_a_convolution_in_groups_comes_back_as_one() -> None:
    x = keras.Input((5, 5, 4), name="x")
    model = keras.Model(x, keras.layers.Conv2D(6, 3, groups=2, name="conv")(x))
    model.set_weights([np.random.default_rng(0).normal(size=w.shape) for w in model.weights])
    again = bridge.onnx_to_keras(bridge.keras_to_onnx(model).proto)
    assert [(type(x), x.name) for x in again.layers[1:]] == [(keras.layers.Conv2D, "conv")]
    for one, other in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


@pytest.mark.parametrize("io_layout", ["onnx", "channels_last"])
def test_a_model_that_was_trained_goes_back(
    small: Small, io_layout: bridge.to_onnx.IoLayout
) -> None:
    model = keras.saving.load_model(small.keras)
    x = np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 3)).astype(np.float32)
    model.compile("sgd", "mse")
    model.fit(x, np.eye(5, dtype=np.float32)[:4], verbose=0)
    proto = bridge.keras_to_onnx(model, io_layout=io_layout).proto
    again = bridge.onnx_to_keras(proto)
    assert again.inputs[0].shape == (None, 16, 16, 3)
    assert_close(np.asarray(again(x)), np.asarray(model(x)))


def test_a_fine_tuned_net_comes_back_with_what_it_learned(small: Small, tmp_path: Path) -> None:
    """A new head on a part of the net, behind layers that augment images; all of it trained, the
    statistics of a batch normalisation too, saved, exported and raised again."""
    net = keras.saving.load_model(small.keras)
    hidden = next(layer for layer in reversed(net.layers) if len(layer.output.shape) == 4)
    body = keras.Model(net.input, hidden.output, name="body")
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(net.input_shape[1:], name="image"),
            layers.RandomFlip(),
            layers.Rescaling(1 / 8, offset=-1),
            body,
            layers.BatchNormalization(name="norm"),
            layers.GlobalAveragePooling2D(name="mean"),
            layers.Dropout(0.5),
            layers.Dense(3, activation="softmax", name="head"),
        ],
        name="tuned",
    )
    before = learned(model)
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).uniform(0, 16, (4, *net.input_shape[1:])).astype(np.float32)
    model.fit(x, np.eye(3, dtype=np.float32)[[0, 1, 2, 0]], verbose=0)
    model.save(tmp_path / "tuned.keras")
    done = bridge.keras_to_onnx(tmp_path / "tuned.keras", tmp_path / "tuned.onnx")
    feeds = {"image": np.moveaxis(x, -1, 1)}
    assert_close(
        OnnxRunner(tmp_path / "tuned.onnx").run(feeds)["head"], model.predict(x, verbose=0)
    )
    again = bridge.onnx_to_keras(done.path)
    after = learned(model)
    changed = {path for path, array in after.items() if np.any(array != before[path])}
    assert {"bn1/moving_variance", "tuned/norm/moving_mean", "tuned/head/bias"} <= changed
    for one, other in zip(after.values(), again.weights, strict=True):
        np.testing.assert_array_equal(one, other.numpy())
    assert [again.get_layer(name).name for name in ("norm", "head")] == ["norm", "head"]
    assert len(again.get_layer("head").weights) == 2


def learned(model: keras.Model) -> dict[str, np.ndarray]:
    """The weights by path, without the seeds of what is drawn by chance."""
    return {x.path: x.numpy() for x in model.weights if "seed" not in x.path}


def test_a_sequence_is_read_by_the_same_layer_again() -> None:
    x = keras.Input((5, 3), name="x")
    y = keras.layers.LSTM(4, return_sequences=True, name="one")(x)
    y = keras.layers.LSTM(2, name="two")(y)
    model = keras.Model(x, keras.layers.Dense(2, name="head")(y))
    proto = bridge.keras_to_onnx(model).proto
    kinds = {node.name: node.op_type for node in proto.graph.node}
    assert kinds["one"] == kinds["two"] == "LSTM"
    again = bridge.onnx_to_keras(proto)
    for one, other in zip(model.weights, again.weights, strict=True):
        assert one.path == other.path
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_what_was_trained_in_mixed_precision_goes_back_in_full(tmp_path: Path) -> None:
    policy, layers = "mixed_float16", keras.layers
    x = keras.Input((8, 8, 3), name="x")
    y = layers.Conv2D(4, 3, activation="relu", dtype=policy, name="conv")(x)
    y = layers.BatchNormalization(dtype=policy, name="norm")(y)
    y = layers.GlobalAveragePooling2D(dtype=policy, name="mean")(y)
    model = keras.Model(x, layers.Dense(2, dtype=policy, name="head")(y))
    again = bridge.onnx_to_keras(bridge.keras_to_onnx(model, tmp_path / "back.onnx").path)
    for one, other in zip(model.weights, again.weights, strict=True):
        assert (one.path, other.dtype) == (other.path, "float32")
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert {layer.compute_dtype for layer in model.layers[1:]} == {"float16"}


def test_a_head_of_dense_and_normalized_vectors_comes_back_as_that() -> None:
    layers = keras.layers
    stack = [
        layers.Dense(6, name="dense"),
        layers.BatchNormalization(name="norm"),
        layers.ReLU(name="relu"),
        layers.Dense(3, activation="softmax", name="head"),
    ]
    model = keras.Sequential([keras.Input((4,), name="x"), *stack])
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(0.5, 2, w.shape) for w in model.get_weights()])
    done = bridge.keras_to_onnx(model)
    kinds = [node.op_type for node in done.proto.graph.node]
    assert kinds == ["MatMul", "Add", "BatchNormalization", "Relu", "MatMul", "Add", "Softmax"]
    again = bridge.onnx_to_keras(done.proto)
    for one, other in zip(model.weights, again.weights, strict=True):
        assert one.path.endswith(other.path)
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_nothing_is_left_where_no_file_can_be(small: Small, tmp_path: Path) -> None:
    (tmp_path / "back.onnx").mkdir()
    with pytest.raises(bridge.BridgeError, match="this is a folder; give the file a name"):
        bridge.keras_to_onnx(small.keras, tmp_path / "back.onnx")
    x = keras.Input((4,), dtype="complex64", name="x")
    with pytest.raises(bridge.BridgeError, match="no ONNX operators"):
        bridge.keras_to_onnx(keras.Model(x, keras.ops.angle(x)), tmp_path / "angle.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["back.onnx"]


def test_only_onnx_is_written(small: Small, tmp_path: Path) -> None:
    with pytest.raises(bridge.BridgeError, match=r"a name ending in \.onnx"):
        bridge.keras_to_onnx(small.keras, tmp_path / "back.keras")
    with pytest.raises(bridge.BridgeError, match="no such folder"):
        bridge.keras_to_onnx(small.keras, tmp_path / "nowhere" / "back.onnx")
    with pytest.raises(bridge.BridgeError, match="no such file"):
        bridge.keras_to_onnx(tmp_path / "missing.keras")


def test_layers_without_bounds_are_one_error(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They end what they run in, or are refused there: never this process, or the machine."""
    monkeypatch.setenv(memory.VARIABLE, "1M")
    path = tmp_path / "absurd.keras"
    with ZipFile(small.keras) as source, ZipFile(path, "w") as target:
        for name in source.namelist():
            target.writestr(
                name, re.sub(rb'"units": \d+', b'"units": 1000000000', source.read(name))
            )
    with pytest.raises(
        UsageError, match=r"absurd\.keras: (its layers take more memory|the process)"
    ):
        bridge.keras_to_onnx(path, tmp_path / "net.onnx")
    assert not (tmp_path / "net.onnx").exists()
