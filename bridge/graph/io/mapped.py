"""Reading an ONNX file without its weights: they stay where they are in it.

To a runtime an initializer is external data as soon as it says in which file and where its numbers
lie, and that file may be the .onnx itself. So each large one becomes such: whoever needs the
numbers maps them, and nobody holds a copy. Field numbers: those of wire.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from math import prod
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto

from bridge.errors import WeightsError
from bridge.files.wire import Entry, Wire, field
from bridge.graph.io.model import set_external
from bridge.graph.io.wire import GRAPH_INITIALIZER, MODEL_GRAPH, TENSOR_RAW_DATA

# Smaller tensors are read: biases, and the shapes that a runtime wants to see at once.
LEAST = 4096

NUMBERS_OF_BYTES: dict[int, int] = {
    **dict.fromkeys((TensorProto.INT8, TensorProto.UINT8, TensorProto.BOOL), 1),
    **dict.fromkeys((TensorProto.INT16, TensorProto.UINT16, TensorProto.FLOAT16), 2),
    **dict.fromkeys((TensorProto.INT32, TensorProto.UINT32, TensorProto.FLOAT), 4),
    **dict.fromkeys((TensorProto.INT64, TensorProto.UINT64, TensorProto.DOUBLE), 8),
}


def load_unread(path: Path) -> onnx.ModelProto:
    """The model of an ONNX file, whose large initializers are external data of the file itself.

    A file that is a link is read as a whole: onnxruntime takes no data from where it leads to. So
    is one that cannot be mapped.
    Raises what onnx.load_model does.
    """
    if not path.is_symlink():
        with suppress(WeightsError, ValueError, OSError, DecodeError):
            message = b"".join(_without_weights(Wire(path), path.name))
            return onnx.ModelProto.FromString(message)
    return onnx.load_model(path, format="protobuf", load_external_data=False)


def _without_weights(wire: Wire, name: str) -> Iterator[bytes]:
    for entry in wire.entries(0, len(wire)):
        if entry.number == MODEL_GRAPH:
            yield field(MODEL_GRAPH, b"".join(_graph_without_weights(wire, entry, name)))
        else:
            yield _bytes_of(wire, entry)


def _graph_without_weights(wire: Wire, graph: Entry, name: str) -> Iterator[bytes]:
    for entry in wire.entries(graph.start, graph.end):
        small = entry.number != GRAPH_INITIALIZER or entry.end - entry.begin < LEAST
        tensor = None if small else _unread(wire, entry, name)
        if tensor is None:
            yield _bytes_of(wire, entry)
        else:
            yield field(GRAPH_INITIALIZER, tensor.SerializeToString())


def _unread(wire: Wire, initializer: Entry, name: str) -> TensorProto | None:
    """The initializer without its numbers; None if it has not as many bytes as its shape says, or
    has them in another form."""
    entries = list(wire.entries(initializer.start, initializer.end))
    raw = [entry for entry in entries if entry.number == TENSOR_RAW_DATA]
    if len(raw) != 1:
        return None
    rest = (_bytes_of(wire, entry) for entry in entries if entry.number != TENSOR_RAW_DATA)
    tensor = TensorProto.FromString(b"".join(rest))
    length = raw[0].end - raw[0].start
    if length != NUMBERS_OF_BYTES.get(tensor.data_type, 0) * prod(tensor.dims):
        return None
    set_external(tensor, name, raw[0].start, length)
    return tensor


def _bytes_of(wire: Wire, entry: Entry) -> bytes:
    return wire.data[entry.begin : entry.end]
