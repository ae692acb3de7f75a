"""One small net with all that can go wrong in a layer, as Caffe's two files and as an ONNX file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bridge
from bridge.caffe.write import write_caffemodel
from tests.helpers.net_folder import NetFolder

Array = NDArray[Any]

# Sizes are equal wherever they may be: a kernel of 3 3 3 3 can be mistaken in every way.
PROTOTXT = """
name: "small"
layer { name: "data" type: "Input" top: "data"
        input_param { shape { dim: 1 dim: 3 dim: 16 dim: 16 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
        convolution_param { num_output: 3 kernel_size: 3 pad: 1 } }
layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1" }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "norm1" type: "LRN" bottom: "conv1" top: "norm1"
        lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 k: 2 } }
layer { name: "pool1" type: "Pooling" bottom: "norm1" top: "pool1"
        pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
layer { name: "conv2" type: "Convolution" bottom: "pool1" top: "conv2"
        convolution_param { num_output: 3 kernel_size: 3 } }
layer { name: "relu2" type: "ReLU" bottom: "conv2" top: "conv2" }
layer { name: "gap" type: "Pooling" bottom: "conv2" top: "gap"
        pooling_param { pool: AVE global_pooling: true } }
layer { name: "fc" type: "InnerProduct" bottom: "gap" top: "fc"
        inner_product_param { num_output: 5 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""


@dataclass(frozen=True)
class Small(NetFolder):
    """The files of the net, and what becomes of them."""

    @property
    def onnx(self) -> Path:
        return self.folder / "net.onnx"

    @property
    def keras(self) -> Path:
        return self.folder / "net.keras"

    def rewritten(
        self, folder: Path, text: str = PROTOTXT, blobs: Mapping[str, Sequence[Array]] = {}
    ) -> Path:
        """The net with another text or other weights, as an ONNX file in a folder."""
        return Small(folder).write(text, {**weights(), **blobs}).onnx

    def write(self, text: str, blobs: Mapping[str, Sequence[Array]]) -> Small:
        self.prototxt.write_text(text, encoding="utf-8")
        write_caffemodel(self.caffemodel, "small", [(name, "", b) for name, b in blobs.items()])
        bridge.caffe_to_onnx(self.prototxt, self.caffemodel, self.onnx)
        return self


def weights() -> dict[str, Sequence[Array]]:
    random = np.random.default_rng(7)
    kernels = {name: random.normal(0, 0.4, (3, 3, 3, 3)) for name in ("conv1", "conv2")}
    return {
        **{name: (kernel, random.normal(size=3)) for name, kernel in kernels.items()},
        # Mean and variance as Caffe sums them up, over a scale factor of 4.
        "bn1": (random.normal(size=3), random.uniform(2, 9, 3), np.array([4.0])),
        "fc": (random.normal(size=(5, 3)), random.normal(size=5)),
    }
