"""Caffe's text files, checked against the schema.

Real prototxts come from many forks of Caffe, so reading is strict about syntax and defers what it
does not understand: a syntax error or a value of the wrong kind is a `PrototxtError` with file,
line and column; an unknown field or enum value, and a field that is set twice to different values,
is a `Complaint` of the layer that contains it, or of the net.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bridge.caffe import schema
from bridge.caffe.files import scalars
from bridge.caffe.files.complaint import Complaint, Kind
from bridge.caffe.files.solver import net_of
from bridge.caffe.files.textformat import Field, Scalar, Source, Tree, decode, parse
from bridge.caffe.files.untyped import Untyped
from bridge.caffe.schema import FieldType
from bridge.errors import Location, PrototxtError, did_you_mean


class Message(dict[str, Any]):
    """The fields of one message that the text sets, by name, and where the message begins.

    Values are int, float, bool, str, Message, or lists of them where the field is repeated; an
    enum's value is its name. `complaints` are those about anything in a layer, or else in the net.
    """

    def __init__(
        self, values: Mapping[str, Any], where: Location, complaints: tuple[Complaint, ...] = ()
    ) -> None:
        super().__init__(values)
        self.where = where
        self.complaints = complaints
        self._offsets: dict[str, int] = {}
        self._source: Source | None = None

    def with_values(self, values: Mapping[str, Any]) -> Message:
        """The same message with other values."""
        return Message(values, self.where, self.complaints)

    def mark(self, name: str, source: Source, offset: int) -> None:
        """Record where a field is set."""
        self._source = source
        self._offsets[name] = offset

    def location(self, name: str) -> Location:
        """Where a field is last set, or else where the message begins."""
        if self._source is None or name not in self._offsets:
            return self.where
        return self._source.at(self._offsets[name])


def _shortened(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def load(path: Path) -> tuple[Message, tuple[str, ...]]:
    """The NetParameter in a text file, a solver's included, and warnings. Errors: PrototxtError."""
    text = decode(path.read_bytes())
    if "\0" in text:
        raise PrototxtError(
            "the text contains NUL bytes",
            where=Source(text, str(path)).at(text.index("\0")),
            hint="the file is damaged: fetch it again",
        )
    tree, notes = net_of(parse(text, str(path)))
    definition, warnings = interpret(tree)
    return definition, (*notes, *warnings)


def interpret(tree: Tree, message: str = "NetParameter") -> tuple[Message, tuple[str, ...]]:
    """Check a tree against the schema. Returns the message, and notes with file and line.

    What is not understood becomes the messages' complaints.
    Errors: PrototxtError for a value of the wrong kind.
    """
    reader = _Interpreter(tree.source)
    result = reader.collect(tree.fields, message, 0)
    return result, tuple(reader.notes)


# Messages that have complaints of their own.
_WITH_COMPLAINTS = ("LayerParameter", "V1LayerParameter")

# What error messages call the message that directly contains a field.
_TITLES = {**dict.fromkeys(_WITH_COMPLAINTS, "the layer"), "NetParameter": "the net"}

_UNKNOWN = object()


class _Interpreter:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.complaints: list[Complaint] = []
        self.path: tuple[str, ...] = ()
        self.notes: list[str] = []

    def collect(self, fields: tuple[Field, ...], message: str, offset: int) -> Message:
        """A message, with the complaints about everything in it."""
        outer = self.complaints, self.path
        self.complaints, self.path = [], ()
        result = self.message(fields, message, offset)
        result.complaints = tuple(self.complaints)
        self.complaints, self.path = outer
        return result

    def message(self, fields: tuple[Field, ...], message: str, offset: int) -> Message:
        types = schema.fields(message)
        result = Message({}, self.source.at(offset))
        for field in _merged(fields, types):
            kind = types.get(field.name)
            if kind is None:
                self.unknown(field, message, types, result)
                continue
            value = self.value(field, kind, message)
            if value is _UNKNOWN:
                continue
            if kind.repeated:
                value = [*result.get(field.name, ()), value]
            elif field.name in result:
                self.set_twice(field, message, result[field.name], value)
            result[field.name] = value
            result.mark(field.name, self.source, field.offset)
        return result

    def unknown(
        self, field: Field, message: str, types: Mapping[str, FieldType], result: Message
    ) -> None:
        """Messages of a layer that the schema lacks are kept, for plug-ins."""
        problem = f"unknown field {self.title(field, message)}"
        self.complain(field, message, Kind.FIELD, problem, did_you_mean(field.name, types))
        if message in _WITH_COMPLAINTS and not isinstance(field.value, Scalar):
            result[field.name] = Untyped(field.value, self.source)

    def value(self, field: Field, kind: FieldType, message: str) -> Any:
        if isinstance(field.value, Scalar):
            value = None if kind.kind == "message" else scalars.read(field.value, kind)
            if value is None:
                quote = '"' if field.value.kind == "string" else ""
                raise self.refuse(field, kind, f"{quote}{_shortened(field.value.text)}{quote}")
            if kind.kind == "enum" and value not in kind.names.values():
                return self.unknown_value(field, kind, message, value)
            return value
        if kind.kind != "message":
            raise self.refuse(field, kind, "a message { ... }")
        if kind.message in _WITH_COMPLAINTS:
            return self.collect(field.value, kind.message, field.offset)
        self.path = (*self.path, field.name)
        result = self.message(field.value, kind.message, field.offset)
        self.path = self.path[:-1]
        return result

    def unknown_value(self, field: Field, kind: FieldType, message: str, value: str) -> object:
        """Complain about the value, and leave the field unset."""
        problem = f"unknown value '{value}' of {self.title(field, message)}"
        suggestion = did_you_mean(value, kind.names.values())
        if not suggestion:
            problem += f", which is one of {', '.join(kind.names.values())}"
        self.complain(field, message, Kind.VALUE, problem, suggestion)
        return _UNKNOWN

    def set_twice(self, field: Field, message: str, old: Any, new: Any) -> None:
        """The last value counts, as in protobuf, though another may be meant."""
        title = self.title(field, message)
        if old == new:
            where = self.source.at(field.offset)
            self.notes.append(f"{where.file}:{where.line}: {title} is set twice, to the same value")
        else:
            problem = f"{title} is set twice, to {old!r} and to {new!r}"
            self.complain(field, message, Kind.TWICE, problem)

    def title(self, field: Field, message: str) -> str:
        holder = self.path[-1] if self.path else _TITLES.get(message, message)
        return f"'{field.name}' of {holder}"

    def complain(
        self, field: Field, message: str, kind: Kind, problem: str, suggestion: str = ""
    ) -> None:
        self.complaints.append(
            Complaint(
                where=self.source.at(field.offset),
                path=(*self.path, field.name),
                message=message,
                kind=kind,
                problem=problem,
                suggestion=suggestion,
                written=Untyped((field,), self.source),
            )
        )

    def refuse(self, field: Field, kind: FieldType, received: str) -> PrototxtError:
        return PrototxtError(
            f"'{field.name}' has a value of the wrong kind",
            where=self.source.at(field.offset),
            expected=scalars.expected(kind),
            received=received,
            hint="leave out the quotes" if received.startswith('"') else None,
        )


def _merged(fields: tuple[Field, ...], types: Mapping[str, FieldType]) -> list[Field]:
    """The fields, with messages that are set twice merged into one, as protobuf merges them."""
    result: list[Field] = []
    first: dict[str, int] = {}
    for field in fields:
        kind = types.get(field.name)
        is_single = kind is None or (kind.kind == "message" and not kind.repeated)
        if isinstance(field.value, Scalar) or not is_single:
            result.append(field)
        elif field.name not in first:
            first[field.name] = len(result)
            result.append(field)
        else:
            index = first[field.name]
            value = (*result[index].value, *field.value)
            result[index] = result[index]._replace(value=value)
    return result
