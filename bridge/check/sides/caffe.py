"""A Caffe net in Caffe itself (pycaffe) or in OpenCV 4, which has a Caffe reader of its own.

Neither is needed: without them a Caffe pair is lowered to ONNX and run in onnxruntime, and the
report says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.caffe import Layer, Net, read
from bridge.check.sides.side import Given, Origin
from bridge.errors import GraphError, UsageError

Array = NDArray[Any]


class CaffeSide:
    """A Caffe pair, computed by `engine` (what the function `engine` gives).

    Values are named as `Layer.tops` says. The engine knows the last value of a blob only: what
    an in-place layer overwrites is not compared.
    """

    def __init__(self, prototxt: Path, caffemodel: Path, engine: str) -> None:
        self._net: Net = read(prototxt, caffemodel)
        title, self._run = _ENGINES[engine](prototxt, caffemodel, self._net.layers)
        self.title = f"{prototxt.name} in {title}"
        self.inputs: dict[str, Given] = {
            each.name: (each.shape, "float32") for each in self._net.inputs
        }
        self.outputs = self._net.outputs

    @cached_property
    def values(self) -> tuple[str, ...]:
        return tuple(
            top
            for layer in self._net.layers
            for top in layer.tops
            if not top.endswith(f":{layer.name}")
        )

    @cached_property
    def origins(self) -> dict[str, Origin]:
        return {
            top: Origin(layer.name, layer.type, layer.bottoms)
            for layer in self._net.layers
            for top in layer.tops
        }

    def run(self, feeds: Mapping[str, Array], wanted: Sequence[str]) -> Iterator[tuple[str, Array]]:
        try:
            yield from self._run(feeds, wanted)
        except Exception as error:  # cv2.error, and whatever pycaffe throws
            message = " ".join(str(error).split())[:300]
            raise GraphError(f"{self.title} fails", received=message) from error


Run = Callable[[Mapping[str, Array], Sequence[str]], Iterator[tuple[str, Array]]]


def engine(caffemodel: Path) -> str | None:
    """What can run a net with these weights here: `pycaffe` before `opencv`, or None.

    OpenCV reads Caffe's binary format only, not HDF5.
    """
    if _is_installed("caffe"):
        return "pycaffe"
    if caffemodel.suffix == ".h5" or not _is_installed("cv2"):
        return None
    if hasattr(import_module("cv2").dnn, "readNetFromCaffe"):
        return "opencv"
    return None


def _is_installed(package: str) -> bool:
    """Whether there is a package of this name: a folder without Python files is none."""
    spec = find_spec(package)
    return spec is not None and spec.origin is not None


def _pycaffe(prototxt: Path, caffemodel: Path, _: Sequence[Layer]) -> tuple[str, Run]:
    caffe = import_module("caffe")
    try:
        loaded = caffe.Net(str(prototxt), str(caffemodel), caffe.TEST)
    except Exception as error:  # Caffe aborts, or throws boost's errors
        raise UsageError("Caffe cannot load it", where=prototxt, received=str(error)) from error

    def run(feeds: Mapping[str, Array], wanted: Sequence[str]) -> Iterator[tuple[str, Array]]:
        for name, array in feeds.items():
            loaded.blobs[name].reshape(*array.shape)
        loaded.reshape()
        for name, array in feeds.items():
            loaded.blobs[name].data[...] = array
        loaded.forward()
        yield from ((name, loaded.blobs[name].data.copy()) for name in wanted)

    return f"Caffe {getattr(caffe, '__version__', '')}".strip(), run


def _opencv(prototxt: Path, caffemodel: Path, layers: Sequence[Layer]) -> tuple[str, Run]:
    import cv2

    try:
        loaded = getattr(cv2.dnn, "readNetFromCaffe")(str(prototxt), str(caffemodel))  # noqa: B009 (no attribute of it in OpenCV 5's types)
    except cv2.error as error:
        raise UsageError(
            "OpenCV cannot read it", where=prototxt, received=" ".join(str(error).split())[:300]
        ) from error
    # Its fused layers give other values on the way than the net's.
    loaded.enableFusion(False)
    places = {top: (layer.name, item) for layer in layers for item, top in enumerate(layer.tops)}

    def run(feeds: Mapping[str, Array], wanted: Sequence[str]) -> Iterator[tuple[str, Array]]:
        for name, array in feeds.items():
            loaded.setInput(array, name)
        needed = list(dict.fromkeys(places[name][0] for name in wanted))
        results = dict(zip(needed, loaded.forwardAndRetrieve(needed), strict=True))
        for name in wanted:
            layer, item = places[name]
            yield name, np.asarray(results[layer][item])

    return f"OpenCV {cv2.__version__}", run


_ENGINES: Mapping[str, Callable[[Path, Path, Sequence[Layer]], tuple[str, Run]]] = {
    "pycaffe": _pycaffe,
    "opencv": _opencv,
}
