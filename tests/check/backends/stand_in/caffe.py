"""A stand-in for pycaffe: as much of its interface as python/caffe/pycaffe.py and _caffe.cpp
document, in front of onnxruntime. A net's name says what it does wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bridge
from bridge.check.runners import OnnxRunner

Array = NDArray[Any]
PLAIN = ("data", "conv1", "norm1", "pool1", "conv2", "gap", "fc", "prob")
TEST = 1
__version__ = "1.0.0"


class Blob:
    """`data` is a view into the net's own memory, which `reshape` replaces."""

    def __init__(self, *shape: int) -> None:
        self.data: Array = np.zeros(shape, np.float32)

    def reshape(self, *shape: int) -> None:
        self.data = np.zeros(shape, np.float32)


class Layer:
    type = "Convolution"


class Net:
    """In-place layers leave one blob with their last value; its shapes hold until `reshape`."""

    def __init__(self, prototxt: str, weights: str, phase: int) -> None:
        assert phase == TEST
        assert Path(weights).is_file()
        self._text = Path(prototxt).read_text()
        os.write(1, b"I1124 13:16:59.387502 14454 net.cpp:51] Initializing net from parameters:\n")
        self._fail_where(
            'name: "unreadable"', "blob.cpp:508] Check failed: count_ == 0 (270 vs. 0)"
        )
        if 'name: "unknown"' in self._text:
            raise RuntimeError("Unknown layer type: Mine")
        lowered = Path(prototxt).with_name("in_caffe.onnx")
        bridge.caffe_to_onnx(prototxt, weights, lowered, check=False)
        self._runner = OnnxRunner(lowered, every_value=True)
        self.layers = [Layer()]
        self.blobs = {name: Blob(1) for name in PLAIN}
        self.blobs["data"] = Blob(1, 3, 16, 16)
        self._computed_shape: tuple[int, ...] = ()

    def reshape(self) -> None:
        self._computed_shape = self.blobs["data"].data.shape

    def forward(self) -> None:
        data = self.blobs["data"].data
        assert data.shape == self._computed_shape, "forward before reshape"
        self._fail_where('name: "fragile"', "pooling_layer.cpp:9] Check failed: pad_h_ < kernel_h_")
        results = self._runner.run({"data": data})
        for name in PLAIN[1:]:
            self.blobs[name].reshape(*results[name].shape)
            self.blobs[name].data[...] = results[name]

    def _fail_where(self, mark: str, why: str) -> None:
        """As glog does: a line, the stack, and the end of the process."""
        if mark in self._text:
            words = f"F1124 13:16:59.387502 14454 {why}\n*** Check failure stack trace: ***\n"
            os.write(2, words.encode())
            os.abort()
