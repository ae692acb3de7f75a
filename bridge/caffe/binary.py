"""The net that a caffemodel itself describes, for where its prototxt is lost.

A caffemodel holds the definition of the net that it was saved from: usually the one it was trained
with, data and loss layers and all, but without the layers of other phases. It is cut out of the
file without touching a weight, and read by the schema. A field of a fork has another number in each
fork; one that has no number of BVLC's or SSD's is left out, with a warning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message import Message as Protobuf

from bridge.caffe import schema, weights
from bridge.caffe.prototxt import Message
from bridge.caffe.textformat import decode
from bridge.errors import Location, WeightsError


def load(path: Path) -> tuple[Message, tuple[str, ...]]:
    """The NetParameter in a caffemodel, as `prototxt.load` gives it, and warnings.

    The phase is chosen already, so that the rules by which it was are gone.
    Errors: WeightsError where the file is damaged, or is no caffemodel.
    """
    from google.protobuf.message_factory import GetMessageClass

    where = Location.of(path)
    net: Any = GetMessageClass(schema.descriptor("NetParameter"))()
    try:
        net.ParseFromString(weights.definition(path))
    except DecodeError as error:
        raise WeightsError(
            "the net in the caffemodel cannot be read", where=where, received=str(error)
        ) from None
    for layer in (*net.layer, *net.layers):
        layer.ClearField("include")
        layer.ClearField("exclude")
    unknown = Counter(_unknown(net))
    notes = [
        f"{where}: unknown field {number} of {message} ignored ({count} times)"
        for (message, number), count in unknown.items()
    ]
    return _message(net, where), tuple(notes)


def _message(protobuf: Protobuf, where: Location) -> Message:
    """The fields that are set, as the text would give them."""
    values = {
        entry.name: [_value(entry, each, where) for each in value]
        if entry.is_repeated
        else _value(entry, value, where)
        for entry, value in protobuf.ListFields()
    }
    return Message(values, where)


def _value(entry: FieldDescriptor, value: Any, where: Location) -> Any:
    if entry.message_type is not None:
        return _message(value, where)
    if entry.enum_type is not None:
        return entry.enum_type.values_by_number[value].name
    return decode(value) if isinstance(value, bytes) else value  # bytes: a string of no UTF-8


def _unknown(protobuf: Protobuf) -> Iterator[tuple[str, int]]:
    """Message and number of each field, at any depth, that the schema has not."""
    from google.protobuf.unknown_fields import UnknownFieldSet

    unknown_fields: Any = UnknownFieldSet(protobuf)  # its stubs know of no iteration
    for unknown in unknown_fields:
        yield protobuf.DESCRIPTOR.name, unknown.field_number
    for entry, value in protobuf.ListFields():
        if entry.message_type is not None:
            for inner in value if entry.is_repeated else [value]:
                yield from _unknown(inner)
