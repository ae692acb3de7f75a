"""Small nets written as text, read as a user's files are; and protobuf's own reading, an oracle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

import bridge.lower  # noqa: F401 (some shape rules are beside the rules that lower the layers)
from bridge.caffe import Net, read, schema
from bridge.caffe.write import write_caffemodel

ReadText = Callable[..., Net]


@pytest.fixture
def read_text(tmp_path: Path) -> ReadText:
    """Read a prototxt's text; `blobs` gives the weights of layers, by name."""

    def reader(text: str, blobs: dict[str, Sequence[Any]] | None = None, **options: Any) -> Net:
        prototxt = tmp_path / "net.prototxt"
        prototxt.write_text(text)
        if blobs is None:
            return read(prototxt, **options)
        caffemodel = tmp_path / "net.caffemodel"
        layers = [(name, "", [np.asarray(b, np.float32) for b in bs]) for name, bs in blobs.items()]
        write_caffemodel(caffemodel, "net", layers)
        return read(prototxt, caffemodel, **options)

    return reader


@pytest.fixture(scope="session")
def new_message() -> Callable[[str], Any]:
    """Makes an empty protobuf message of our schema, by name."""
    return _new


@pytest.fixture(scope="session")
def as_dict() -> Callable[[Message], dict[str, Any]]:
    """Gives the fields that a protobuf message has set, as `prototxt.interpret` does."""
    return _as_dict


def _new(name: str) -> Any:
    return GetMessageClass(schema.descriptor(name))()


def _as_dict(message: Message) -> dict[str, Any]:
    return {
        field.name: [_as_value(field, v) for v in value]
        if field.is_repeated
        else _as_value(field, value)
        for field, value in message.ListFields()
    }


def _as_value(field: Any, value: Any) -> Any:
    if field.message_type is not None:
        return _as_dict(value)
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    return value
