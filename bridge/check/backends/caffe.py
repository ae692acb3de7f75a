"""A Caffe net in Caffe itself (pycaffe) or in OpenCV 4, which has its own reader of Caffe files.

Neither is needed: without them a Caffe net is lowered to ONNX and run in onnxruntime, and the
report says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from bridge.caffe import Net, read
from bridge.check.backends.backend import InputSpec, Origin
from bridge.check.backends.caffe_process import VARIABLE, CaffeError, CaffeProcess
from bridge.check.backends.opencv_caffe import OpenCV
from bridge.errors import GraphError, UsageError, words_of
from bridge.plugins import only_installed
from bridge.types import Array


class CaffeBackend:
    """A Caffe net, computed by `engine`, the result of the function `engine`.

    Values are named as in `Layer.tops`. The engine knows only the last value of a blob: one that an
    in-place layer overwrites is not compared. Raises UsageError if the net cannot be loaded.
    """

    def __init__(self, prototxt: Path, caffemodel: Path, engine: str) -> None:
        self._net: Net = read(prototxt, caffemodel)
        try:
            self._engine = _ENGINES[engine](prototxt, caffemodel, self._net)
        except CaffeError as error:
            raise UsageError(
                f"{_ENGINES[engine].name} cannot load it",
                where=prototxt,
                received=words_of(error),
                hint="lower it with caffe-to-onnx, and check the .onnx instead",
            ) from error
        self.title = f"{prototxt.name} in {self._engine.title}"
        self.inputs: dict[str, InputSpec] = {
            entry.name: (entry.shape, "float32") for entry in self._net.inputs
        }
        self.outputs = self._net.outputs
        self.dtypes = ("float32",)

    @cached_property
    def values(self) -> tuple[str, ...]:
        return tuple(self._blobs)

    @cached_property
    def _blobs(self) -> dict[str, str]:
        """The blob of each value that exists at the end. An in-place layer's top has the blob's
        name with its own after it, or else the overwritten value has such a name (`Layer.tops`)."""
        held: dict[str, str] = {}
        for layer in self._net.layers:
            for top in layer.tops:
                blob = top.removesuffix(f":{layer.name}")
                if blob == top or blob in self.inputs:
                    held[blob] = top
        return {top: blob for blob, top in held.items()}

    @cached_property
    def origins(self) -> dict[str, Origin]:
        return {
            top: Origin(layer.name, layer.type, layer.bottoms)
            for layer in self._net.layers
            for top in layer.tops
        }

    def run(self, feeds: Mapping[str, Array], wanted: Sequence[str]) -> Iterator[tuple[str, Array]]:
        try:
            yield from self._engine.run(feeds, {name: self._blobs[name] for name in wanted})
        except CaffeError as error:
            raise GraphError(f"{self.title} fails", received=words_of(error)) from error

    def close(self) -> None:
        self._engine.close()


def engine(caffemodel: Path) -> str | None:
    """Which of `pycaffe` and `opencv` can run a net with these weights here, if any.

    OpenCV reads only Caffe's binary format, not HDF5.
    """
    if VARIABLE in os.environ:
        return "pycaffe"
    with only_installed():
        if _is_installed("caffe"):
            return "pycaffe"
        if caffemodel.suffix == ".h5" or not _is_installed("cv2"):
            return None
        if hasattr(import_module("cv2").dnn, "readNetFromCaffe"):
            return "opencv"
        return None


def _is_installed(package: str) -> bool:
    """Whether a package of this name is installed; a folder without Python files does not count."""
    spec = find_spec(package)
    return spec is not None and spec.origin is not None


class _Pycaffe:
    """`run` yields the wanted values, each from its blob. It raises CaffeError, as does loading."""

    name = "Caffe"

    def __init__(self, prototxt: Path, caffemodel: Path, _: Net) -> None:
        self._process = CaffeProcess(prototxt, caffemodel)
        self.title = f"{self.name} {self._process.version}".strip()
        self.close = self._process.close

    def run(
        self, feeds: Mapping[str, Array], wanted: Mapping[str, str]
    ) -> Iterator[tuple[str, Array]]:
        self._process.forward(feeds)
        yield from ((name, self._process.value(blob)) for name, blob in wanted.items())


_ENGINES: Mapping[str, type[_Pycaffe] | type[OpenCV]] = {
    "pycaffe": _Pycaffe,
    "opencv": OpenCV,
}
