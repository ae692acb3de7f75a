"""The verb keras_to_onnx, and there and back again."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import bridge
from golden_cases import assert_close
from small_net import PROTOTXT, Small, weights


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
    assert [each.name for each in tmp_path.iterdir()] == ["back.onnx"]


def test_raised_again_it_has_the_same_layers_and_parameters(small: Small) -> None:
    first = keras.saving.load_model(small.keras)
    again = bridge.onnx_to_keras(bridge.keras_to_onnx(first).proto)
    for one, other in zip(first.weights, again.weights, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-6)
    assert [each.name for each in first.layers if each.weights] == [
        each.name for each in again.layers if each.weights
    ]
    assert not {type(each).__name__ for each in again.operations} & {"Permute", "Transpose"}


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
    assert [(type(each), each.name) for each in again.layers[1:]] == [(keras.layers.Conv2D, "conv")]
    for one, other in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


@pytest.mark.parametrize("io_layout", ["onnx", "channels_last"])
def test_a_model_that_was_trained_goes_back(small: Small, io_layout: bridge.back.IoLayout) -> None:
    model = keras.saving.load_model(small.keras)
    x = np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 3)).astype(np.float32)
    model.compile("sgd", "mse")
    model.fit(x, np.eye(5, dtype=np.float32)[:4], verbose=0)
    proto = bridge.keras_to_onnx(model, io_layout=io_layout).proto
    again = bridge.onnx_to_keras(proto)
    assert again.inputs[0].shape == (None, 16, 16, 3)
    assert_close(np.asarray(again(x)), np.asarray(model(x)))


def test_only_onnx_is_written(small: Small, tmp_path: Path) -> None:
    with pytest.raises(bridge.BridgeError, match=r"a name ending in \.onnx"):
        bridge.keras_to_onnx(small.keras, tmp_path / "back.keras")
    with pytest.raises(bridge.BridgeError, match="no such folder"):
        bridge.keras_to_onnx(small.keras, tmp_path / "nowhere" / "back.onnx")
    with pytest.raises(bridge.BridgeError, match="no such file"):
        bridge.keras_to_onnx(tmp_path / "missing.keras")
