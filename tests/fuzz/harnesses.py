"""What is done with bytes that a fuzzer makes, by the kind of file. Only a refusal may come out.

scripts/fuzz runs one of them for a time, guided by what of the package the bytes reach.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import bridge
from bridge.caffe.files import weights
from bridge.convert import raise_onnx
from bridge.errors import BridgeError, InternalError, ReadError, UnsupportedError
from bridge.inspection import inspect
from tests.helpers.golden_cases import CASES, Case

# Small nets, of which each has another kind of layer.
NETS = tuple(sorted(CASES, key=lambda net: net.prototxt.stat().st_size)[:60])


@dataclass(frozen=True)
class Harness:
    """`run` takes a file of this suffix, `seeds` gives whole ones to begin with."""

    suffix: str
    run: Callable[[Path], object]
    seeds: Callable[[], Sequence[bytes]]

    def __call__(self, data: bytes) -> bool:
        """Whether the bytes are taken, or refused. Raises whatever else comes out."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"file{self.suffix}"
            path.write_bytes(data)
            try:
                self.run(path)
            except InternalError:
                raise
            except BridgeError:
                return False
        return True


def _of_caffe(prototxt: Path, caffemodel: Path | None = None) -> object:
    return bridge.caffe_to_onnx(prototxt, caffemodel, check=False).proto


def _weights(path: Path) -> object:
    """What the file holds; and the net that it describes, which may be of another fork's."""
    with suppress(UnsupportedError, ReadError):
        _of_caffe(path)
    return inspect([path]), [
        blob.blob.array()
        for layer in weights.read(path)
        for blob in layer.blobs.values()
        if blob.is_whole
    ]


def _graph(path: Path) -> object:
    return inspect([path]), raise_onnx(path, check=False)


def _recording(path: Path) -> object:
    return bridge.check(path, path)


def _keras(path: Path) -> object:
    from bridge.keras.load import load

    return load(path)


def _files(name: str) -> Sequence[bytes]:
    paths = [net.folder / name for net in NETS]
    return [path.read_bytes() for path in paths if path.is_file()]


@cache
def _graphs() -> Sequence[bytes]:
    return [graph for net in NETS if (graph := _graph_of(net))]


def _graph_of(net: Case) -> bytes:
    trained = net.caffemodel if net.caffemodel.is_file() else None
    try:
        proto = bridge.caffe_to_onnx(net.prototxt, trained, check=False).proto
    except BridgeError:
        return b""
    return proto.SerializeToString()


@cache
def _archives() -> Sequence[bytes]:
    """Keras models of some of the graphs."""
    with tempfile.TemporaryDirectory() as folder:
        graph, archive = Path(folder) / "net.onnx", Path(folder) / "net.keras"
        archives = []
        for data in _graphs()[:12]:
            graph.write_bytes(data)
            with suppress(BridgeError):
                raise_onnx(graph, archive, check=False)
                archives.append(archive.read_bytes())
    return archives


HARNESSES: Mapping[str, Harness] = {
    "prototxt": Harness(".prototxt", _of_caffe, lambda: _files("net.prototxt")),
    "caffemodel": Harness(".caffemodel", _weights, lambda: _files("net.caffemodel")),
    "onnx": Harness(".onnx", _graph, _graphs),
    "npz": Harness(".npz", _recording, lambda: _files("io.npz")),
    "keras": Harness(".keras", _keras, _archives),
}
