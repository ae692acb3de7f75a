"""Caffe's text files, held to the schema.

Real prototxts come from many forks of Caffe, so that reading is strict about syntax and mild about
meaning: a syntax error or a value of the wrong kind is a `PrototxtError` with file, line and
column; a field or an enum value that nobody knows is a warning with its line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bridge.caffe import scalars, schema
from bridge.caffe.schema import FieldType
from bridge.caffe.solver import net_of
from bridge.caffe.textformat import Field, Scalar, Source, Tree, decode, parse
from bridge.errors import Location, PrototxtError


class Message(dict[str, Any]):
    """The fields of one message that the text sets, by name, and where the message begins.

    Values are int, float, bool, str, Message, or lists of them where the field is repeated; an
    enum's value is its name.
    """

    def __init__(self, values: Mapping[str, Any], where: Location) -> None:
        super().__init__(values)
        self.where = where


def load(path: Path) -> tuple[Message, tuple[str, ...]]:
    """The NetParameter in a text file, be it a solver's, and warnings. Errors: PrototxtError."""
    text = decode(path.read_bytes())
    if "\0" in text:
        raise PrototxtError(
            "there are NUL bytes in the text",
            where=Source(text, str(path)).at(text.index("\0")),
            hint="the file is damaged: fetch it again",
        )
    tree, notes = net_of(parse(text, str(path)))
    definition, warnings = interpret(tree)
    return definition, (*notes, *warnings)


def interpret(tree: Tree, message: str = "NetParameter") -> tuple[Message, tuple[str, ...]]:
    """Hold a tree to the schema. Returns the message, and warnings, each with file and line.

    Errors: PrototxtError for a value of the wrong kind.
    """
    reader = _Interpreter(tree.source)
    result = reader.message(tree.fields, message, 0)
    return result, tuple(reader.warnings())


class _Interpreter:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.notes: dict[str, list[int]] = {}

    def note(self, text: str, offset: int) -> None:
        """Keep a warning; equal ones are told once, with the place of the first."""
        self.notes.setdefault(text, []).append(offset)

    def warnings(self) -> Iterator[str]:
        for text, offsets in self.notes.items():
            place = self.source.at(offsets[0])
            more = f" (and {len(offsets) - 1} more)" if len(offsets) > 1 else ""
            yield f"{place.file}:{place.line}: {text}{more}"

    def message(self, fields: tuple[Field, ...], message: str, offset: int) -> Message:
        types = schema.fields(message)
        result = Message({}, self.source.at(offset))
        for field in fields:
            kind = types.get(field.name)
            if kind is None:
                result.update(self.unknown(field, message))
            elif kind.repeated:
                result.setdefault(field.name, []).append(self.value(field, kind))
            elif field.name in result:
                self.note(f"'{field.name}' is set twice; the last one counts", field.offset)
                result[field.name] = _merged(result[field.name], self.value(field, kind))
            else:
                result[field.name] = self.value(field, kind)
        return result

    def unknown(self, field: Field, message: str) -> dict[str, Any]:
        """What is kept of a field that the schema has not: a layer's message, for plug-ins."""
        if message == "LayerParameter" and not isinstance(field.value, Scalar):
            self.note(f"unknown field '{field.name}' left to plug-ins", field.offset)
            return {field.name: _untyped(field.value)}
        self.note(f"unknown field '{field.name}' of {message} ignored", field.offset)
        return {}

    def value(self, field: Field, kind: FieldType) -> Any:
        if isinstance(field.value, Scalar):
            value = None if kind.kind == "message" else scalars.read(field.value, kind)
            if value is None:
                quote = '"' if field.value.kind == "string" else ""
                raise self.refuse(field, kind, f"{quote}{field.value.text}{quote}")
            if kind.kind == "enum" and value not in kind.names.values():
                self.note(f"unknown value {value} of '{field.name}'", field.offset)
            return value
        if kind.kind != "message":
            raise self.refuse(field, kind, "a message { ... }")
        return self.message(field.value, kind.message, field.offset)

    def refuse(self, field: Field, kind: FieldType, received: str) -> PrototxtError:
        return PrototxtError(
            f"'{field.name}' has a value of the wrong kind",
            where=self.source.at(field.offset),
            expected=scalars.expected(kind),
            received=received,
        )


def _untyped(fields: tuple[Field, ...]) -> dict[str, Any]:
    """A message that the schema has not, for a plug-in that knows it: values as they look.

    A field that is set more than once is a list.
    """
    values: dict[str, list[Any]] = {}
    for field in fields:
        value = field.value
        known = scalars.as_it_looks(value) if isinstance(value, Scalar) else _untyped(value)
        values.setdefault(field.name, []).append(known)
    return {name: each if len(each) > 1 else each[0] for name, each in values.items()}


def _merged(old: Any, new: Any) -> Any:
    """What a field that is set twice holds: the last value; a message gains what the last sets."""
    if isinstance(new, list):
        return old + new
    if not isinstance(new, Message):
        return new
    both = {name: _merged(old[name], new[name]) for name in old.keys() & new.keys()}
    return Message({**old, **new, **both}, old.where)
