"""A net with one layer that is wrong, as other converters get it wrong: the check names the layer.

Each fault is one that real converters have (see docs/check.md). What is right is held to real
Caffe elsewhere (tests/golden, tests/real); here everything but one layer is the same on both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import bridge
from bridge.check.report import Report
from tests.helpers.small_net import PROTOTXT, Small, weights


def reshaped_kernel(right: Small, folder: Path) -> Path:
    """The founding question: Caffe's numbers in the order in which they lie, not the axes."""
    kernel, bias = weights()["conv2"]
    mistaken = kernel.reshape(3, 3, 3, 3).transpose(3, 2, 0, 1)  # read as h w i o
    return right.rewritten(folder, blobs={"conv2": (mistaken, bias)})


def pooling_that_rounds_down(right: Small, folder: Path) -> Path:
    floored = "kernel_size: 3 stride: 2 round_mode: FLOOR"
    return right.rewritten(folder, PROTOTXT.replace("kernel_size: 3 stride: 2", floored))


def norm_that_ignores_k(right: Small, folder: Path) -> Path:
    return right.rewritten(folder, PROTOTXT.replace("k: 2", "k: 1"))


def batch_norm_without_scale_factor(right: Small, folder: Path) -> Path:
    mean, variance, _ = weights()["bn1"]
    return right.rewritten(folder, blobs={"bn1": (mean, variance, np.array([1.0]))})


FAULTS = [
    (reshaped_kernel, "conv2", "conv2:conv2", ("pool1",)),
    (pooling_that_rounds_down, "pool1", "pool1", ("norm1",)),
    (norm_that_ignores_k, "norm1", "norm1", ("conv1",)),
    (batch_norm_without_scale_factor, "bn1", "conv1:bn1", ("conv1:conv1",)),
]
faults = pytest.mark.parametrize(
    ("fault", "layer", "value", "inputs"), FAULTS, ids=[case[0].__name__ for case in FAULTS]
)
Fault = Callable[[Small, Path], Path]


@faults
def test_the_wrong_layer_is_the_first_to_differ(
    small: Small, tmp_path: Path, fault: Fault, layer: str, value: str, inputs: tuple[str, ...]
) -> None:
    report = bridge.check(small.onnx, fault(small, tmp_path))
    assert named(report) == (layer, value, inputs)
    assert f"'{value}' is the first to differ" in report.located()
    assert f"'{inputs[0]}', which agrees" in report.located()


@faults
def test_it_is_named_in_keras(
    small: Small, tmp_path: Path, fault: Fault, layer: str, value: str, inputs: tuple[str, ...]
) -> None:
    """The same in Caffe's coordinates, though Keras holds everything in another order."""
    report = bridge.check(small.onnx, bridge.onnx_to_keras(fault(small, tmp_path)))
    assert named(report) == (layer, value, inputs)


def named(report: Report) -> tuple[str, str, tuple[str, ...]]:
    """The layer that the report blames, its value and inputs; no other is to blame."""
    assert not report.ok
    (row,) = report.faults
    assert row is report.first
    return row.layers[-1].split(" ")[0], row.name, row.inputs


@faults
def test_it_is_named_against_a_recording(
    small: Small, tmp_path: Path, fault: Fault, layer: str, value: str, inputs: tuple[str, ...]
) -> None:
    """Caffe keeps the last value of a blob only: layers that work in place are named together."""
    recording = record(small, tmp_path / "blobs.npz")
    report = bridge.check(recording, fault(small, tmp_path))
    assert report.first is not None
    assert report.first.name == value.split(":", maxsplit=1)[0]
    assert layer in [name.split(" ")[0] for name in report.first.layers]
    assert bridge.check(recording, small.onnx).ok


def record(net: Small, path: Path) -> Path:
    """What Caffe would keep of a run: each blob as the last layer left it."""
    proto = onnx.load(net.onnx)
    plain = [info for info in proto.graph.value_info if info.name in PLAIN]
    proto.graph.output.extend(plain)
    names = [output.name for output in proto.graph.output]
    x = np.random.default_rng(3).uniform(-1, 1, (2, 3, 16, 16)).astype(np.float32)
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    np.savez(path, data=x, **dict(zip(names, session.run(names, {"data": x}), strict=True)))
    return path


PLAIN = {"conv1", "norm1", "pool1", "conv2", "gap", "fc"}


def test_a_keras_kernel_that_was_reshaped_is_named(small: Small) -> None:
    """The founding question itself, done to the Keras model as its author did it."""
    import keras

    model = keras.saving.load_model(small.keras)
    kernel = weights()["conv2"][0].astype(np.float32)
    model.get_layer("conv2").kernel.assign(kernel.reshape(3, 3, 3, 3))
    report = bridge.check((small.prototxt, small.caffemodel), model)
    assert named(report)[0] == "conv2"
