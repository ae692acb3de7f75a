"""A Caffe net in OpenCV 4, which has its own reader of Caffe's files.

It does not read all fields of a layer: what it does not read, it computes as if the net said
something else, without a word. Such a net is refused here, for Caffe it would be another one. Seen
with OpenCV 4.14.0.94: findings/opencv4-caffe-fields.sh.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bridge.caffe import Layer, Net
from bridge.check.backends.caffe_process import CaffeError
from bridge.types import Array


@dataclass(frozen=True)
class Field:
    """A field for which OpenCV takes `assumed`: where the net has none, or always unless `read`.

    `default` is what Caffe takes where the net leaves it out (caffe/src/caffe/proto/caffe.proto).
    """

    message: str
    name: str
    default: float
    assumed: float
    read: bool = False
    words: str = "OpenCV takes {:g}"

    def fault(self, layer: Layer) -> str | None:
        """What OpenCV does otherwise than Caffe, if anything."""
        stated = layer.params.get(self.message, {}).get(self.name)
        right = np.float32(self.default if stated is None else stated)
        taken = right if self.read and stated is not None else np.float32(self.assumed)
        if right == taken:
            return None
        return f"{layer}: {self.name} is {right:g}, {self.words.format(taken)}"


# By the layer's type.
FIELDS: Mapping[str, Sequence[Field]] = {
    "InnerProduct": [Field("inner_product_param", "transpose", 0, 0)],
    "LRN": [
        Field("lrn_param", "k", 1, 1),
        Field("lrn_param", "alpha", 1, 1e-4, read=True),
    ],
    "Log": [
        Field("log_param", "base", -1, -1),
        Field("log_param", "scale", 1, 1),
        Field("log_param", "shift", 0, 0),
    ],
    "MVN": [
        Field("mvn_param", "eps", 1e-9, 1e-9, words="OpenCV adds it to the variance, not its root")
    ],
    "Swish": [Field("swish_param", "beta", 1, 1)],
}


def faults(net: Net, run: Collection[str]) -> list[str]:
    """What OpenCV does otherwise than Caffe with a net of which it runs the layers `run`."""
    unread = [field.fault(layer) for layer in net.layers for field in FIELDS.get(layer.type, ())]
    known = {layer.name for layer in net.layers} | {entry.name for entry in net.inputs}
    others = [
        f"{layer} is of another phase or level, OpenCV runs it"
        for layer in net.aside
        if layer.name in run and layer.name not in known
    ]
    return [*filter(None, unread), *others]


class OpenCV:
    """As pycaffe's engine (caffe.py); OpenCV has values by layers, not by blobs."""

    name = "OpenCV"

    def __init__(self, prototxt: Path, caffemodel: Path, net: Net) -> None:
        import cv2

        self.title = f"{self.name} {cv2.__version__}"
        self._errors = cv2.error
        self._net = self._read(cv2, prototxt, caffemodel)
        if unlike := faults(net, self._net.getLayerNames()):
            raise CaffeError(f"it would not compute this net as Caffe does: {'; '.join(unlike)}")
        # Fused layers have other values within than the net.
        self._net.enableFusion(False)
        self._results = {
            top: (layer.name, item) for layer in net.layers for item, top in enumerate(layer.tops)
        }

    def _read(self, cv2: Any, prototxt: Path, caffemodel: Path) -> Any:
        try:
            return cv2.dnn.readNetFromCaffe(str(prototxt), str(caffemodel))
        except cv2.error as error:
            raise CaffeError(str(error)) from error

    def run(
        self, feeds: Mapping[str, Array], wanted: Mapping[str, str]
    ) -> Iterator[tuple[str, Array]]:
        needed = list(dict.fromkeys(self._results[name][0] for name in wanted))
        try:
            for name, array in feeds.items():
                self._net.setInput(array, name)
            results = dict(zip(needed, self._net.forwardAndRetrieve(needed), strict=True))
        except self._errors as error:
            raise CaffeError(str(error)) from error
        for name in wanted:
            layer, item = self._results[name]
            yield name, np.asarray(results[layer][item])

    def close(self) -> None:
        """It holds nothing to release."""
