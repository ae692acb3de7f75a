"""Protobuf as simple readers take it: of a field that may be there once, the last one counts.

Protobuf's own libraries merge such fields. Netron, tinygrad and onnx-proto do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf.descriptor import Descriptor

from bridge.files.wire import BYTES, Wire, field

MODEL_GRAPH = onnx.ModelProto.DESCRIPTOR.fields_by_name["graph"].number


def read_last(path: Path) -> onnx.ModelProto:
    wire = Wire(path)
    message = b"".join(_last(wire, 0, len(wire), onnx.ModelProto.DESCRIPTOR))
    return onnx.ModelProto.FromString(message)


def graph_fields(path: Path) -> int:
    """How many pieces the graph of a file is in."""
    wire = Wire(path)
    return sum(entry.number == MODEL_GRAPH for entry in wire.entries(0, len(wire)))


def _last(wire: Wire, start: int, end: int, message: Descriptor) -> Iterator[bytes]:
    entries = list(wire.entries(start, end))
    last = {entry.number: entry for entry in entries}
    for entry in entries:
        of = message.fields_by_number[entry.number]
        if not of.is_repeated and entry is not last[entry.number]:
            continue
        if of.message_type and entry.wire == BYTES:
            inner = b"".join(_last(wire, entry.start, entry.end, of.message_type))
            yield field(entry.number, inner)
        else:
            yield wire.data[entry.begin : entry.end]
