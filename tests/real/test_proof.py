"""The whole chain on trained nets: what Caffe recorded against ONNX and Keras, blob by blob, and
from Keras back to ONNX and to Keras again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
from bridge.public.options import IoLayout
from tests.helpers.golden_cases import assert_close
from tests.real.nets import ALL, LARGE, SUPPRESSING, Net

Array = NDArray[Any]


@pytest.fixture(params=ALL)
def any_net(request: pytest.FixtureRequest, real_models: Path) -> Net:
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


@pytest.mark.parametrize(
    ("name", "io_layout"),
    [
        pytest.param(
            name,
            io_layout,
            marks=[pytest.mark.nightly] * (name in LARGE and io_layout == "channels_last"),
        )
        for name in ALL
        if name != SUPPRESSING
        for io_layout in ("onnx", "channels_last")
    ],
)
def test_there_and_back_again_keeps_numbers_and_parameters(
    name: str, io_layout: IoLayout, real_models: Path, tmp_path: Path
) -> None:
    net = Net(real_models / name)
    one = bridge.caffe_to_onnx(net.prototxt, net.caffemodel, tmp_path / "one.onnx", check=False)
    there_and_back_again(net, one.path, net.results([*one.outputs]), io_layout)


def test_a_net_that_suppresses_overlaps_goes_back_without_that(
    real_models: Path, tmp_path: Path
) -> None:
    """tf2onnx knows no loop that makes as many boxes as there are; which ends in one message."""
    net = Net(real_models / SUPPRESSING)
    model = bridge.caffe_to_keras(net.prototxt, net.caffemodel, check=False)
    with pytest.raises(bridge.BridgeError, match="no ONNX operators for these:\n  detection_out"):
        bridge.keras_to_onnx(model)
    path, names = tmp_path / "one.onnx", ("mbox_loc", "mbox_conf_flatten")
    bridge.caffe_to_onnx(net.prototxt, net.caffemodel, path, check=False, outputs=names)
    there_and_back_again(net, path, [net.blobs()[name] for name in names], "onnx")


def there_and_back_again(
    net: Net, one: Path, expected: Sequence[Array], io_layout: IoLayout
) -> None:
    """Caffe, ONNX, Keras, ONNX, Keras; each file is read again before the next is made of it, and
    each is held to what Caffe gave."""
    first, back = one.with_name("first.keras"), one.with_name("back.onnx")
    bridge.onnx_to_keras(one, first, check=False)
    bridge.keras_to_onnx(first, back, io_layout=io_layout, check=False)
    model, again = keras.saving.load_model(first), bridge.onnx_to_keras(back, check=False)
    fed = net.arrays("in")
    agree(OnnxRunner(one).run(fed).values(), expected)
    agree(run(model, fed), expected)
    if io_layout == "onnx":
        agree(OnnxRunner(back).run(fed).values(), expected)
    else:
        results = OnnxRunner(back).run({name: channels_last(x) for name, x in fed.items()})
        agree(map(channels_first, results.values()), expected)
    agree(run(again, fed), expected)
    assert not {type(x).__name__ for x in again.operations} & {"Permute", "Transpose"}
    for weight, other in zip(model.weights, again.weights, strict=True):
        assert weight.path == other.path
        np.testing.assert_array_equal(np.asarray(weight), np.asarray(other))
    # Constants that are equal, as those of unused biases, are one in tf2onnx's files.
    weights = set(map(numbers, model.get_weights()))
    for path in (one, back):
        tensors = map(numpy_helper.to_array, onnx.load(path).graph.initializer)
        assert weights <= set(map(numbers, tensors))


def agree(results: Iterable[Array], expected: Sequence[Array]) -> None:
    for result, right in zip(results, expected, strict=True):
        assert_close(result, right)


def run(model: keras.Model, fed: Mapping[str, Array]) -> list[Array]:
    """What a channels-last model gives, from and to n c h w."""
    arrays = [channels_last(fed[value.name]) for value in model.inputs]
    return [channels_first(x) for x in run_keras(model, arrays)]


def channels_last(array: Array) -> Array:
    return np.moveaxis(array, 1, -1) if array.ndim == 4 else array


def channels_first(array: Array) -> Array:
    return np.moveaxis(array, -1, 1) if array.ndim == 4 else array


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
