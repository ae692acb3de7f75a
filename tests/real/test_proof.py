"""The whole chain on trained nets: what Caffe recorded against ONNX and Keras, blob by blob, and
from Keras back to ONNX and to Keras again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

import bridge
from bridge.check.report import Report
from bridge.check.runners import OnnxRunner, run_keras
from golden_cases import assert_close
from real.nets import ALL, CLASSIC, Net

Array = NDArray[Any]


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


def test_there_and_back_again_keeps_numbers_and_parameters(
    classic_net: Net, tmp_path: Path
) -> None:
    """Caffe, ONNX, Keras, ONNX, Keras; each file is read again before the next is made of it, and
    each is held to what Caffe gave."""
    one, first, back = (tmp_path / name for name in ("one.onnx", "first.keras", "back.onnx"))
    bridge.caffe_to_onnx(classic_net.prototxt, classic_net.caffemodel, one, check=False)
    bridge.onnx_to_keras(one, first, check=False)
    bridge.keras_to_onnx(first, back, check=False)
    model, again = keras.saving.load_model(first), bridge.onnx_to_keras(back, check=False)
    fed, recorded = classic_net.arrays("in"), classic_net.arrays("out")
    expected = [recorded[name] for name in OnnxRunner(one).outputs]
    for path in (one, back):
        for result, right in zip(OnnxRunner(path).run(fed).values(), expected, strict=True):
            assert_close(result, right)
    for each in (model, again):
        for result, right in zip(run(each, fed), expected, strict=True):
            assert_close(result, right)
    assert not {type(each).__name__ for each in again.operations} & {"Permute", "Transpose"}
    weights = model.get_weights()
    assert Counter(map(numbers, again.get_weights())) == Counter(map(numbers, weights))
    for path in (one, back):
        tensors = (numpy_helper.to_array(each) for each in onnx.load(path).graph.initializer)
        # tf2onnx writes the slopes of PReLU negated.
        sizes = Counter(map(numbers, map(np.abs, tensors)))
        assert sizes >= Counter(map(numbers, map(np.abs, weights)))


def run(model: keras.Model, fed: Mapping[str, Array]) -> list[Array]:
    """What a channels-last model gives, from and to n c h w."""
    arrays = [channels_last(fed[each.name]) for each in model.inputs]
    return [np.moveaxis(x, -1, 1) if x.ndim == 4 else x for x in run_keras(model, arrays)]


def channels_last(array: Array) -> Array:
    return np.moveaxis(array, 1, -1) if array.ndim == 4 else array


def numbers(weight: Array) -> bytes:
    """The numbers of a weight whatever its order, which no step may change by a bit."""
    return np.sort(weight, axis=None).tobytes()


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
