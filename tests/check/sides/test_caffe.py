"""A Caffe net in Caffe itself.

Caffe is not to be had here, so a stand-in has its place: a module `caffe` with as much of pycaffe's
interface as python/caffe/pycaffe.py and _caffe.cpp document, in front of onnxruntime. It shows that
the interface is used as it is meant, and nothing of Caffe's numbers, which the recordings of
tests/golden and tests/real have.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import bridge
from bridge.check.runners import OnnxRunner
from bridge.errors import UsageError
from small_net import PROTOTXT, Small

Array = NDArray[Any]
PLAIN = ("data", "conv1", "norm1", "pool1", "conv2", "gap", "fc", "prob")


class Blob:
    """`data` is a view into the net's own memory, which `reshape` replaces."""

    def __init__(self, *shape: int) -> None:
        self.data: Array = np.zeros(shape, np.float32)

    def reshape(self, *shape: int) -> None:
        self.data = np.zeros(shape, np.float32)


class Net:
    """In-place layers leave one blob with their last value; its shapes hold until `reshape`."""

    def __init__(self, prototxt: str, weights: str, phase: int) -> None:
        if phase != 1:
            raise RuntimeError("phase TRAIN")
        path = Path(prototxt)
        if not Path(weights).is_file():
            raise RuntimeError(f"Could not open file {weights}")
        lowered = path.with_name("in_caffe.onnx")
        bridge.caffe_to_onnx(path, weights, lowered, check=False)
        self._runner = OnnxRunner(lowered, every_value=True)
        self.blobs = {name: Blob(1) for name in PLAIN}
        self.blobs["data"] = Blob(1, 3, 16, 16)
        self._computed_shape: tuple[int, ...] = ()

    def reshape(self) -> None:
        self._computed_shape = self.blobs["data"].data.shape

    def forward(self) -> dict[str, Array]:
        data = self.blobs["data"].data
        assert data.shape == self._computed_shape, "forward before reshape"
        found = self._runner.run({"data": data})
        for name in PLAIN[1:]:
            self.blobs[name].reshape(*found[name].shape)
            self.blobs[name].data[...] = found[name]
        return {"prob": self.blobs["prob"].data}


@pytest.fixture
def caffe(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("caffe")
    module.__spec__ = ModuleSpec("caffe", None, origin="caffe/__init__.py")
    vars(module).update(Net=Net, TEST=1, __version__="1.0.0")
    monkeypatch.setitem(sys.modules, "caffe", module)
    return module


def test_a_caffe_pair_runs_in_caffe_where_it_is_installed(caffe: ModuleType, small: Small) -> None:
    report = bridge.check((small.prototxt, small.caffemodel), small.onnx, batch=3, batches=2)
    assert report.expected == "net.prototxt in Caffe 1.0.0"
    assert report.warnings == ()
    assert report.ok
    # What an in-place layer overwrote is not to be had.
    assert [row.name for row in report.rows] == list(PLAIN[1:])
    assert report.rows[0].expected_shape == (3, 3, 16, 16)


def test_a_fault_is_located_by_caffes_own_layers(
    caffe: ModuleType, small: Small, tmp_path: Path
) -> None:
    wrong = small.rewritten(tmp_path, PROTOTXT.replace("k: 2", "k: 1"))
    report = bridge.check((small.prototxt, small.caffemodel), wrong)
    assert report.first is not None
    assert report.first.layers == ("norm1 (LRN)",)


def test_what_caffe_cannot_load_is_told(
    caffe: ModuleType, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Net:
        raise RuntimeError("Unknown layer type: Mine")

    monkeypatch.setattr(caffe, "Net", fails)
    with pytest.raises(UsageError, match="Unknown layer type: Mine"):
        bridge.check((small.prototxt, small.caffemodel), small.onnx)
