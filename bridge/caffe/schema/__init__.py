"""Caffe's messages: the name, kind and default of each field.

The schema is `caffe.proto` here; `scripts/generate` compiles it into `caffe.desc`, which this
module loads into a descriptor pool of its own, so that it never meets another `caffe_pb2`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

PACKAGE = "bridge.caffe"

# The fields that forks add have numbers from here on in caffe.proto; no file has them.
FORKS = 10000

# The fields of LayerParameter up to this number are older than the forks, so all forks share them.
SHARED = 130

_KINDS = {
    FieldDescriptor.CPPTYPE_INT32: "int",
    FieldDescriptor.CPPTYPE_INT64: "int",
    FieldDescriptor.CPPTYPE_UINT32: "int",
    FieldDescriptor.CPPTYPE_UINT64: "int",
    FieldDescriptor.CPPTYPE_FLOAT: "float",
    FieldDescriptor.CPPTYPE_DOUBLE: "float",
    FieldDescriptor.CPPTYPE_BOOL: "bool",
    FieldDescriptor.CPPTYPE_STRING: "string",
    FieldDescriptor.CPPTYPE_ENUM: "enum",
    FieldDescriptor.CPPTYPE_MESSAGE: "message",
}

_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: range(-(2**31), 2**31),
    FieldDescriptor.CPPTYPE_INT64: range(-(2**63), 2**63),
    FieldDescriptor.CPPTYPE_UINT32: range(2**32),
    FieldDescriptor.CPPTYPE_UINT64: range(2**64),
}


@dataclass(frozen=True)
class FieldType:
    """What one field of a message holds.

    `kind` is int, float, bool, string, enum, word (an enum that also accepts words of forks) or
    message. `message` names the type of a message, `names` are an enum's values by number,
    `integers` are the numbers that an int can hold.
    """

    name: str
    kind: str
    repeated: bool
    default: Any
    message: str = ""
    names: Mapping[int, str] = field(default_factory=dict)
    integers: range = range(0)


@cache
def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    pool.AddSerializedFile(Path(__file__).with_name("caffe.desc").read_bytes())
    return pool


def descriptor(message: str) -> Descriptor:
    """The protobuf descriptor of a message, such as `NetParameter`."""
    return _pool().FindMessageTypeByName(f"{PACKAGE}.{message}")


@cache
def shared_net() -> type[Message]:
    """NetParameter with the fields that all Caffes have, the forks' as well: what it cannot parse
    is no net of any."""
    file = FileDescriptorProto()
    descriptor("NetParameter").file.CopyToProto(file)
    for message in file.message_type:
        most = SHARED if message.name == "LayerParameter" else FORKS - 1
        own = [entry for entry in message.field if entry.number <= most]
        del message.field[:]
        message.field.extend(own)
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.NetParameter"))


@cache
def fields(message: str) -> Mapping[str, FieldType]:
    """The fields of a message, by name.

    A V1 layer also has the parameter messages of V2's layers, and any word as its type: forks added
    their layers to both dialects.
    """
    own = {entry.name: _field_type(entry) for entry in descriptor(message).fields}
    if message != "V1LayerParameter":
        return own
    newer = fields("LayerParameter").items()
    own["type"] = replace(own["type"], kind="word")
    return {name: kind for name, kind in newer if name.endswith("_param")} | own


@cache
def of_forks(message: str) -> frozenset[str]:
    """The fields of a message that neither BVLC's Caffe nor its SSD branch has."""
    return frozenset(entry.name for entry in descriptor(message).fields if entry.number >= FORKS)


def _field_type(entry: FieldDescriptor) -> FieldType:
    enum, message = entry.enum_type, entry.message_type
    names = {value.number: value.name for value in enum.values} if enum else {}
    default = names[entry.default_value] if enum and not entry.is_repeated else entry.default_value
    return FieldType(
        name=entry.name,
        kind=_KINDS[entry.cpp_type],
        repeated=entry.is_repeated,
        default=[] if entry.is_repeated else default,
        message=message.name if message else "",
        names=names,
        integers=_INTEGERS.get(entry.cpp_type, range(0)),
    )


@cache
def defaults(message: str) -> Mapping[str, Any]:
    """The value of each field of a message that a file does not set.

    A repeated field is an empty list, a message None; a number without a default of its own is 0.
    """
    return {name: entry.default for name, entry in fields(message).items()}
