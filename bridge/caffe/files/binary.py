"""The net that a caffemodel itself describes, for when its prototxt is lost.

A caffemodel contains the definition of the net that it was saved from: usually the training net,
with its data and loss layers, but without the layers of other phases. It is extracted from the file
without touching a weight, and parsed with the schema.

Each fork numbers its own fields differently, and the file does not say which fork wrote it. So a
layer is refused if its parameters could come from a Caffe other than BVLC's and SSD's; its
prototxt, which has names, is needed then.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message import Message as Protobuf

from bridge.caffe import schema
from bridge.caffe.files import weights
from bridge.caffe.files.prototxt import Message
from bridge.caffe.files.textformat import decode
from bridge.caffe.upgrade import V1_TYPES
from bridge.errors import Location, WeightsError


def load(path: Path) -> tuple[Message, tuple[str, ...]]:
    """The NetParameter in a caffemodel, as `prototxt.load` returns it, and warnings.

    The phase was chosen when the file was saved, so include and exclude rules are dropped.
    Errors: WeightsError where the file is damaged or is not a caffemodel, or where layers that
    matter could be another fork's.
    """
    from google.protobuf.message_factory import GetMessageClass

    where = Location.of(path)
    net: Any = GetMessageClass(schema.descriptor("NetParameter"))()
    try:
        net.ParseFromString(weights.definition(path))
    except DecodeError as error:
        raise WeightsError(
            "the net in the caffemodel cannot be read",
            where=where,
            received=str(error),
            hint=_GIVE_TEXT,
        ) from None
    for layer in (*net.layer, *net.layers):
        layer.ClearField("include")
        layer.ClearField("exclude")
    _refuse_ambiguous(net, where)
    unknown = Counter(_unknown(net))
    notes = [
        f"{where}: unknown field {number} of {message} ignored ({count} times)"
        for (message, number), count in unknown.items()
    ]
    return _message(net, where), tuple(notes)


def _message(protobuf: Protobuf, where: Location) -> Message:
    """The fields that are set, as the text format would have them."""
    values = {
        entry.name: [_value(entry, item, where) for item in value]
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
    return decode(value) if isinstance(value, bytes) else value  # bytes: a string that is not UTF-8


# ---- which fork the fields are from ----------------------------------------------------------

# The layers whose message has a different name.
_OWNERS = {"norm_param": ("Normalize",), "recurrent_param": ("LSTM", "RNN")}

# Messages in which no field changes what a layer computes, and layers that affect no result.
_HARMLESS = frozenset(
    {"FillerParameter", "ParamSpec", "TransformationParameter", "LossParameter", "NetStateRule"}
)
_UNCOUNTED = re.compile(r"Data\Z|Loss\Z|Accuracy\Z|Silence\Z|HDF5Output\Z|DetectionEvaluate\Z")


def _refuse_ambiguous(net: Any, where: Location) -> None:
    lines = []
    for layer in (*net.layer, *map(_unwrapped, net.layers)):
        kind = _type(layer)
        reasons = () if _UNCOUNTED.search(kind) else dict.fromkeys(_ambiguities(layer, kind))
        if reasons:
            lines.append(f"layer '{layer.name}' ({kind}): {', '.join(reasons)}")
    if lines:
        more = [f"and {len(lines) - _MAX_LISTED} more"] * (len(lines) > _MAX_LISTED)
        raise WeightsError(
            "some layers may be from another fork of Caffe:",
            lines=[*lines[:_MAX_LISTED], *more],
            where=where,
            expected="fields of BVLC's Caffe or SSD's, each with one meaning",
            hint=_GIVE_TEXT,
        )


# How many layers an error message lists.
_MAX_LISTED = 5

_GIVE_TEXT = "pass the net's prototxt before it: in text, fields have names, which do not collide"


def _unwrapped(layer: Any) -> Any:
    """The V0 layer inside, where a V1 layer is only a wrapper."""
    return layer.layer if layer.HasField("layer") else layer


def _type(layer: Any) -> str:
    """The layer's type by its V2 name, or V0's own."""
    if layer.DESCRIPTOR.name != "V1LayerParameter":
        return str(layer.type)
    types = layer.DESCRIPTOR.fields_by_name["type"].enum_type
    word = str(types.values_by_number[layer.type].name)
    return V1_TYPES.get(word, word)


def _ambiguities(layer: Any, kind: str) -> Iterator[str]:
    """The fields of a layer that another fork would read as something else."""
    for message, number in _unknown(layer, _HARMLESS):
        yield f"field {number} of {message}"
    for entry, value in layer.ListFields():
        if (
            layer.DESCRIPTOR.name == "LayerParameter"
            and schema.SHARED < entry.number < schema.FORKS
        ):
            owners = _OWNERS.get(entry.name, (entry.name.removesuffix("_param"),))
            if kind.lower() not in (owner.replace("_", "").lower() for owner in owners):
                yield f"field {entry.number}, which is {entry.name} in other forks"
        if entry.name == "pooling_param" and value.HasField("round_mode"):
            yield "field 13 of PoolingParameter, which is round_mode, ceil_mode or avg_include_pad"


def _unknown(
    protobuf: Protobuf, without: frozenset[str] = frozenset()
) -> Iterator[tuple[str, int]]:
    """Message and number of each field, at any depth, that the schema lacks or has under a number
    of its own. Messages in `without` are not searched."""
    from google.protobuf.unknown_fields import UnknownFieldSet

    unknown_fields: Any = UnknownFieldSet(protobuf)  # its stubs lack iteration
    for unknown in unknown_fields:
        yield protobuf.DESCRIPTOR.name, unknown.field_number
    for entry, value in protobuf.ListFields():
        if entry.number >= schema.FORKS:
            yield protobuf.DESCRIPTOR.name, entry.number
        elif entry.message_type is not None and entry.message_type.name not in without:
            for inner in value if entry.is_repeated else [value]:
                yield from _unknown(inner, without)
