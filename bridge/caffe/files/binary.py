"""The net that a caffemodel itself describes, for where its prototxt is lost.

A caffemodel holds the definition of the net that it was saved from: usually the one it was trained
with, data and loss layers and all, but without the layers of other phases. It is cut out of the
file without touching a weight, and read by the schema.

A field of a fork has another number in each fork, and the file does not say whose it is. So a layer
is refused whose parameters could be those of another Caffe than BVLC's and SSD's: there its
prototxt, which has names, is needed.
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
    """The NetParameter in a caffemodel, as `prototxt.load` gives it, and warnings.

    The phase is chosen already, so that the rules by which it was are gone.
    Errors: WeightsError where the file is damaged, or is no caffemodel, or where layers that count
    could be another fork's.
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


# ---- whose fields these are ------------------------------------------------------------------

# The schema's own numbers for what forks add; no file has them with that meaning.
_OURS = 10000

# Up to this one, all that LayerParameter has came with it, so that all forks share it.
_SHARED = 130

# The layers whose message is not called as they are.
_OWNERS = {"norm_param": ("Normalize",), "recurrent_param": ("LSTM", "RNN")}

# Messages in which no field changes what a layer computes, and layers of no effect on results.
_HARMLESS = frozenset(
    {"FillerParameter", "ParamSpec", "TransformationParameter", "LossParameter", "NetStateRule"}
)
_UNCOUNTED = re.compile(r"Data\Z|Loss\Z|Accuracy\Z|Silence\Z|HDF5Output\Z|DetectionEvaluate\Z")


def _refuse_ambiguous(net: Any, where: Location) -> None:
    found = []
    for layer in (*net.layer, *map(_unwrapped, net.layers)):
        kind = _type(layer)
        reasons = () if _UNCOUNTED.search(kind) else dict.fromkeys(_ambiguities(layer, kind))
        if reasons:
            found.append(f"\n  layer '{layer.name}' ({kind}): {', '.join(reasons)}")
    if found:
        more = f"\n  and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
        raise WeightsError(
            f"it has layers that may be of another fork of Caffe:{''.join(found[:_LISTED])}{more}",
            where=where,
            expected="fields of BVLC's Caffe or of SSD's, with one meaning each",
            hint=_GIVE_TEXT,
        )


# How many layers an error message lists.
_LISTED = 5

_GIVE_TEXT = (
    "give the net's prototxt before it: in text, fields have names, and these do not collide"
)


def _unwrapped(layer: Any) -> Any:
    """The V0 layer that a V1 layer may be no more than a wrapper of."""
    return layer.layer if layer.HasField("layer") else layer


def _type(layer: Any) -> str:
    """The layer's type by V2's name, or V0's own."""
    if layer.DESCRIPTOR.name != "V1LayerParameter":
        return str(layer.type)
    types = layer.DESCRIPTOR.fields_by_name["type"].enum_type
    word = str(types.values_by_number[layer.type].name)
    return V1_TYPES.get(word, word)


def _ambiguities(layer: Any, kind: str) -> Iterator[str]:
    """What in a layer another fork would read as something else."""
    for message, number in _unknown(layer, _HARMLESS):
        yield f"field {number} of {message}"
    for entry, value in layer.ListFields():
        if layer.DESCRIPTOR.name == "LayerParameter" and _SHARED < entry.number < _OURS:
            owners = _OWNERS.get(entry.name, (entry.name.removesuffix("_param"),))
            if kind.lower() not in (owner.replace("_", "").lower() for owner in owners):
                yield f"field {entry.number}, which elsewhere is {entry.name}"
        if entry.name == "pooling_param" and value.HasField("round_mode"):
            yield "field 13 of PoolingParameter, which is round_mode, ceil_mode or avg_include_pad"


def _unknown(
    protobuf: Protobuf, without: frozenset[str] = frozenset()
) -> Iterator[tuple[str, int]]:
    """Message and number of each field, at any depth, that the schema has not, or has under a
    number of its own. `without` are messages that are not looked into."""
    from google.protobuf.unknown_fields import UnknownFieldSet

    unknown_fields: Any = UnknownFieldSet(protobuf)  # its stubs know of no iteration
    for unknown in unknown_fields:
        yield protobuf.DESCRIPTOR.name, unknown.field_number
    for entry, value in protobuf.ListFields():
        if entry.number >= _OURS:
            yield protobuf.DESCRIPTOR.name, entry.number
        elif entry.message_type is not None and entry.message_type.name not in without:
            for inner in value if entry.is_repeated else [value]:
                yield from _unknown(inner, without)
