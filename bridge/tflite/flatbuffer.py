"""Tables → the bytes of a FlatBuffer, by the package of that name.

Large arrays are no part of what is built in memory: tables point forward, to bytes that whoever
writes the file puts behind all tables, one array after another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from struct import pack, pack_into
from typing import Any, NamedTuple

import numpy as np
from flatbuffers.builder import Builder

from bridge.tflite.schema import MAGIC, TABLES

ALIGNED = 16  # bytes, to which the schema aligns the arrays of buffers
_LENGTH = 4  # bytes of the number in front of a vector


class Options(NamedTuple):
    """A table of which the field does not say the kind."""

    table: str
    values: Mapping[str, Any]


class Frame(NamedTuple):
    """The bytes before the arrays; `heads` are those before each of them."""

    before: bytes
    heads: Sequence[bytes]

    def length(self, sizes: Sequence[int]) -> int:
        """Of the whole file, if the arrays have these sizes in bytes."""
        return len(self.before) + sum(map(len, self.heads)) + sum(sizes)


def frame(model: Mapping[str, Any], sizes: Sequence[int]) -> Frame:
    """The file around arrays of these sizes in bytes. `model` has the values of the table Model;
    a field of the kind `later` has the index of its array."""
    tables = _Tables()
    before = tables.finished(model)
    heads, position = [], len(before)
    for index, size in enumerate(sizes):
        padding = -(position + _LENGTH) % ALIGNED
        start = position + padding
        pack_into("<I", before, tables.pointers[index], start - tables.pointers[index])
        heads.append(bytes(padding) + pack("<I", size))
        position = start + _LENGTH + size
    return Frame(bytes(before), heads)


class _Tables:
    """Tables in the order in which a builder takes them: what one points to comes first."""

    def __init__(self) -> None:
        self._builder = Builder(1024)
        self.pointers: dict[int, int] = {}  # where the file has the pointer to each array

    def finished(self, model: Mapping[str, Any]) -> bytearray:
        root = self._table("Model", model)
        self._builder.Finish(root, file_identifier=MAGIC)
        content: bytearray = self._builder.Output()
        self.pointers = {index: len(content) - end for index, end in self.pointers.items()}
        return bytearray(content)

    def _table(self, name: str, values: Mapping[str, Any]) -> int:
        fields = TABLES[name]
        parts = {key: self._part(fields[key].kind, value) for key, value in values.items()}
        builder = self._builder
        builder.StartObject(1 + max((field.slot for field in fields.values()), default=-1))
        for key, part in parts.items():
            slot, kind, default = fields[key]
            if kind == "later":
                builder.PrependUint32Slot(slot, 1, 0)  # a number, until it is known to where
                self.pointers[part] = builder.Offset()
            elif kind in _NUMBERS:
                getattr(builder, f"Prepend{kind.capitalize()}Slot")(slot, part, default)
            else:
                builder.PrependUOffsetTRelativeSlot(slot, part, 0)
        end: int = builder.EndObject()
        return end

    def _part(self, kind: str, value: Any) -> Any:
        """A number, or where the builder has what is no number."""
        if kind in _NUMBERS or kind == "later":
            return value
        if kind == "string":
            return self._builder.CreateString(value)
        if kind == "[int32]":
            return self._builder.CreateNumpyVector(np.asarray(value, np.int32))
        if kind == "table":
            return self._table(value.table, value.values)
        return self._tables(kind.strip("[]"), value)

    def _tables(self, name: str, entries: Sequence[Mapping[str, Any]]) -> int:
        ends = [self._table(name, entry) for entry in entries]
        self._builder.StartVector(4, len(ends), 4)
        for end in reversed(ends):
            self._builder.PrependUOffsetTRelative(end)
        vector: int = self._builder.EndVector()
        return vector


_NUMBERS = frozenset("bool int8 uint8 int32 uint32 float32".split())
