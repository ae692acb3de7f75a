"""Reading an ONNX file without its weights: they stay where they are in it.

To a runtime an initializer is external data as soon as it says in which file and where its numbers
lie, and that file may be the .onnx itself. So each large one becomes such: whoever needs the
numbers maps them, and nobody holds a copy. Field numbers: those of wire.py.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import NamedTuple

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto

from bridge.graph.io.model import set_external
from bridge.graph.io.wire import (
    GRAPH_INITIALIZER,
    LENGTH_DELIMITED,
    MODEL_GRAPH,
    TENSOR_RAW_DATA,
    tag,
)

# Smaller tensors are read: biases, and the shapes that a runtime wants to see at once.
LEAST = 4096

_BYTES: dict[int, int] = {
    **dict.fromkeys((TensorProto.INT8, TensorProto.UINT8, TensorProto.BOOL), 1),
    **dict.fromkeys((TensorProto.INT16, TensorProto.UINT16, TensorProto.FLOAT16), 2),
    **dict.fromkeys((TensorProto.INT32, TensorProto.UINT32, TensorProto.FLOAT), 4),
    **dict.fromkeys((TensorProto.INT64, TensorProto.UINT64, TensorProto.DOUBLE), 8),
}

# The wire types with as many bytes always: https://protobuf.dev/programming-guides/encoding
_FIXED = {1: 8, 5: 4}
_VARINT = 0


class _Field(NamedTuple):
    """A field of a message: `start` to `end` in the file, its contents from `inside` on."""

    number: int
    start: int
    inside: int
    end: int


def load_unread(path: Path) -> onnx.ModelProto:
    """The model of an ONNX file, whose large initializers are external data of the file itself.

    A file that is a link is read as a whole: onnxruntime takes no data from where it leads to. So
    is one that cannot be mapped.
    Raises what onnx.load_model does.
    """
    if not path.is_symlink():
        with suppress(IndexError, ValueError, OSError, DecodeError), path.open("rb") as file:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                message = b"".join(_without_weights(data, path.name))
            return onnx.ModelProto.FromString(message)
    return onnx.load_model(path, format="protobuf", load_external_data=False)


def _without_weights(data: mmap.mmap, name: str) -> Iterator[bytes]:
    for field in _fields(data, 0, len(data)):
        if field.number != MODEL_GRAPH:
            yield data[field.start : field.end]
            continue
        graph = b"".join(_graph_without_weights(data, field, name))
        yield tag(MODEL_GRAPH, len(graph)) + graph


def _graph_without_weights(data: mmap.mmap, graph: _Field, name: str) -> Iterator[bytes]:
    for field in _fields(data, graph.inside, graph.end):
        small = field.number != GRAPH_INITIALIZER or field.end - field.start < LEAST
        tensor = None if small else _unread(data, field, name)
        if tensor is None:
            yield data[field.start : field.end]
        else:
            message = tensor.SerializeToString()
            yield tag(GRAPH_INITIALIZER, len(message)) + message


def _unread(data: mmap.mmap, initializer: _Field, name: str) -> TensorProto | None:
    """The initializer without its numbers; None if it has not as many bytes as its shape says, or
    has them in another form."""
    fields = list(_fields(data, initializer.inside, initializer.end))
    raw = [field for field in fields if field.number == TENSOR_RAW_DATA]
    if len(raw) != 1:
        return None
    rest = (data[field.start : field.end] for field in fields if field.number != TENSOR_RAW_DATA)
    tensor = TensorProto.FromString(b"".join(rest))
    length = raw[0].end - raw[0].inside
    if length != _BYTES.get(tensor.data_type, 0) * prod(tensor.dims):
        return None
    set_external(tensor, name, raw[0].inside, length)
    return tensor


def _fields(data: mmap.mmap, start: int, end: int) -> Iterator[_Field]:
    """The fields of a message. Raises IndexError or ValueError where it is none."""
    while start < end:
        key, inside = _varint(data, start)
        wire_type = key & 7
        if wire_type == _VARINT:
            stop = _varint(data, inside)[1]
        elif wire_type == LENGTH_DELIMITED:
            length, inside = _varint(data, inside)
            stop = inside + length
        elif wire_type in _FIXED:
            stop = inside + _FIXED[wire_type]
        else:
            raise ValueError(f"no wire type of a message: {wire_type}")
        if stop > end:
            raise ValueError("a field ends after its message")
        yield _Field(key >> 3, start, inside, stop)
        start = stop


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    """The number, and the position after it."""
    number = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte <= 0x7F:
            return number, at
    raise ValueError("a number of more than 64 bits")
