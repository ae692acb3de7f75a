"""Names that are no text: protobuf hands them on as bytes, which no name is taken for."""

from __future__ import annotations

from pathlib import Path

import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from bridge.errors import GraphError


def refuse_other_encodings(model: onnx.ModelProto, path: Path) -> None:
    """Raises GraphError for a name anywhere in a model that is not UTF-8, which ONNX asks for."""
    waiting: list[Message] = [model]
    while waiting:
        message = waiting.pop()
        if isinstance(message, onnx.TensorProto):
            _refuse_bytes(message.name, path)  # and its numbers stay where they are
            continue
        for entry, value in message.ListFields():
            values = value if entry.is_repeated else (value,)
            if entry.type == FieldDescriptor.TYPE_MESSAGE:
                waiting += values
            elif entry.type == FieldDescriptor.TYPE_STRING:
                for text in values:
                    _refuse_bytes(text, path)


def _refuse_bytes(text: str | bytes, path: Path) -> None:
    if isinstance(text, bytes):
        raise GraphError(
            "a name in it is not UTF-8, as ONNX's are",
            where=path,
            received=repr(text),
            hint="is the file damaged? fetch it, or export it, again",
        )
