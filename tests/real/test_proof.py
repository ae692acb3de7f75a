"""The whole chain on trained nets: what Caffe recorded against ONNX and Keras, blob by blob, and
from Keras back to ONNX and to Keras again."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import bridge
from bridge.check.report import Report
from real.nets import ALL, CLASSIC, Net


@pytest.fixture(params=ALL)
def any_net(request: pytest.FixtureRequest, real_models: Path) -> Net:
    return Net(real_models / request.param)


@pytest.fixture(params=CLASSIC)
def classic_net(request: pytest.FixtureRequest, real_models: Path) -> Net:
    return Net(real_models / request.param)


def holds(report: Report, but: tuple[str, ...] = ()) -> None:
    """Every blob that Caffe kept was compared, and agrees."""
    assert report.ok, report.located()
    assert report.rows
    assert report.unmatched[0] == but


def test_every_blob_of_caffe_is_found_in_onnx_and_in_keras(any_net: Net, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    bridge.caffe_to_onnx(any_net.prototxt, any_net.caffemodel, path, check=False)
    holds(bridge.check(any_net.recording, path))
    bridge.onnx_to_keras(path, tmp_path / "net.keras", check=False)
    # Prior boxes are constants, which are no tensors of a Keras model.
    constants = tuple(name for name in any_net.blobs() if name.endswith("priorbox"))
    holds(bridge.check(any_net.recording, tmp_path / "net.keras", graph=path), but=constants)


def test_keras_to_onnx_to_keras_keeps_numbers_and_parameters(
    classic_net: Net, tmp_path: Path
) -> None:
    """Each file is read again before the next is made of it; conversions check their numbers."""
    first, back = tmp_path / "net.keras", tmp_path / "back.onnx"
    bridge.caffe_to_keras(classic_net.prototxt, classic_net.caffemodel, first)
    bridge.keras_to_onnx(first, back)
    again = bridge.onnx_to_keras(back)
    model = keras.saving.load_model(first)
    assert sorted(shapes_of(model)) == sorted(shapes_of(again))
    assert not {type(each).__name__ for each in again.operations} & {"Permute", "Transpose"}
    holds_within(model, again)


def shapes_of(model: keras.Model) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in model.weights]


def holds_within(one: keras.Model, other: keras.Model) -> None:
    """Weights are the same but for their names and order of layers."""
    found = {summary(weight) for weight in other.weights}
    assert {summary(weight) for weight in one.weights} == found


def summary(weight: keras.Variable) -> tuple[tuple[int, ...], float]:
    array = np.asarray(weight).astype(np.float64)
    return tuple(weight.shape), round(float(array.sum()), 4)


def test_one_wrong_layer_deep_in_a_real_net_is_named(real_models: Path, tmp_path: Path) -> None:
    net = Net(real_models / "open_nsfw_resnet50_1by2")
    path = tmp_path / "net.onnx"
    bridge.caffe_to_onnx(net.prototxt, net.caffemodel, path, check=False)
    model = bridge.onnx_to_keras(path, check=False)
    kernel = model.get_layer("conv_stage2_block1_branch2b").kernel
    right = np.asarray(kernel)  # h w i o
    kernel.assign(right.transpose(3, 2, 0, 1).reshape(right.shape))  # Caffe's numbers, reshaped
    report = bridge.check(net.recording, model, graph=path)
    assert report.first is not None
    assert report.first.layers[0] == "conv_stage2_block1_branch2b (Conv2D)"
    assert report.faults == (report.first,)
