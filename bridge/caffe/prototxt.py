"""Caffe's text files: protobuf's text format, read by a parser of our own.

Real prototxts come from many forks of Caffe, so that the parser is strict about syntax and mild
about meaning: a syntax error or a value of the wrong kind is a `PrototxtError` with file, line and
column; a field or an enum value that nobody knows is a warning with its line.

Two steps: `parse` turns text into a tree of `Field`s, `interpret` holds the tree to the schema and
gives `Message`s. `load` does both for a file.
(Format: https://protobuf.dev/reference/protobuf/textformat-spec/)
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from bridge.caffe import schema
from bridge.caffe.schema import FieldType
from bridge.errors import Location, PrototxtError

MAX_DEPTH = 64


class Source:
    """A text and where it came from; knows the line and column of an offset."""

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file

    @cached_property
    def _line_ends(self) -> list[int]:
        return [match.start() for match in re.finditer("\n", self.text)]

    def at(self, offset: int) -> Location:
        line = bisect_left(self._line_ends, offset)
        start = self._line_ends[line - 1] + 1 if line else 0
        return Location(self.file, line + 1, offset - start + 1)


class Scalar(NamedTuple):
    """A value as it is written. `kind`: "string" (unquoted already), "number" or "word"."""

    kind: str
    text: str


class Field(NamedTuple):
    """`name: value` or `name { fields }`; a list `name: [a, b]` is several fields."""

    name: str
    value: Scalar | tuple[Field, ...]
    offset: int


class Tree(NamedTuple):
    """A parsed text."""

    fields: tuple[Field, ...]
    source: Source


class Message(dict[str, Any]):
    """The fields of one message that the text sets, by name, and where the message begins.

    Values are int, float, bool, str, Message, or lists of them where the field is repeated; an
    enum's value is its name.
    """

    def __init__(self, values: Mapping[str, Any], where: Location) -> None:
        super().__init__(values)
        self.where = where


def load(path: Path) -> tuple[Message, tuple[str, ...]]:
    """The NetParameter in a text file, and warnings. Errors: PrototxtError."""
    return interpret(parse(decode(path.read_bytes()), str(path)))


def decode(data: bytes) -> str:
    """Text of a file: UTF-8, or else Latin-1, in which any bytes are text."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


# ---- text to tree ---------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""(?:\s+|\#[^\n]*)*(?:
        (?P<word>[A-Za-z_]\w*)
      | (?P<number>[0-9.][\w.]*(?:(?<=[eE])[+-]?\w+)?)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<mark>[]{}<>[:;,-])
      | (?P<end>\Z)
      | (?P<bad>.)
    )""",
    re.VERBOSE | re.ASCII,
)


class _Token(NamedTuple):
    kind: str
    text: str
    offset: int


_CLOSING = {"{": "}", "<": ">"}


def parse(text: str, file: str) -> Tree:
    """Read protobuf text format. Errors: PrototxtError for anything that is not."""
    return _Parser(Source(text, file)).tree()


class _Parser:
    """Recursive descent, one token ahead."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.tokens = self._scan()
        self.ahead = next(self.tokens)
        self.depth = 0

    def _scan(self) -> Iterator[_Token]:
        for match in _TOKEN.finditer(self.source.text):
            kind = str(match.lastgroup)
            yield _Token(kind, match[kind], match.start(kind))

    def advance(self) -> _Token:
        """Step on; the token that was ahead."""
        token, self.ahead = self.ahead, next(self.tokens, self.ahead)
        return token

    def take(self, mark: str) -> bool:
        """Whether the next token is this mark; steps over it if so."""
        if self.ahead.kind == "mark" and self.ahead.text == mark:
            self.advance()
            return True
        return False

    def refuse(self, expected: str) -> PrototxtError:
        kind, text, offset = self.ahead
        received = "the end of the file" if kind == "end" else text
        if kind == "bad" and text in "\"'":
            received = f"a string without its closing {text}"
        return PrototxtError(
            "not valid prototxt", where=self.source.at(offset), expected=expected, received=received
        )

    def tree(self) -> Tree:
        fields = self.body("")
        return Tree(fields, self.source)

    def body(self, closing: str) -> tuple[Field, ...]:
        """Fields up to the closing bracket, or to the end of the text where that is empty."""
        fields: list[Field] = []
        while True:
            if self.ahead.kind == "word":
                fields += self.field()
            elif self.take(closing) or (not closing and self.ahead.kind == "end"):
                return tuple(fields)
            else:
                raise self.refuse(f"a field name or '{closing}'" if closing else "a field name")

    def field(self) -> list[Field]:
        _, name, offset = self.advance()
        colon = self.take(":")
        values = self.items(colon) if self.take("[") else [self.value(colon)]
        self.take(";") or self.take(",")
        return [Field(name, value, offset) for value in values]

    def items(self, colon: bool) -> list[Scalar | tuple[Field, ...]]:
        values: list[Scalar | tuple[Field, ...]] = []
        if self.take("]"):
            return values
        while True:
            values.append(self.value(colon))
            if self.take("]"):
                return values
            if not self.take(","):
                raise self.refuse("',' or ']'")

    def value(self, colon: bool) -> Scalar | tuple[Field, ...]:
        for opening, closing in _CLOSING.items():
            if self.take(opening):
                return self.message(closing)
        if not colon:
            raise self.refuse("':' or '{' behind the field name")
        return self.scalar()

    def message(self, closing: str) -> tuple[Field, ...]:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.refuse(f"at most {MAX_DEPTH} messages inside each other")
        fields = self.body(closing)
        self.depth -= 1
        return fields

    def scalar(self) -> Scalar:
        sign = "-" if self.take("-") else ""
        if self.ahead.kind == "string" and not sign:
            return self.strings()
        if self.ahead.kind not in ("number", "word"):
            raise self.refuse("a value")
        kind, text, _ = self.advance()
        return Scalar(kind, sign + text)

    def strings(self) -> Scalar:
        """One or more string literals; neighbours are one string."""
        parts = []
        while self.ahead.kind == "string":
            parts.append(_unescape(self.advance().text[1:-1]))
        return Scalar("string", "".join(parts))


_ESCAPE = re.compile(
    rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|(u[0-9a-fA-F]{4}|U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})|(.))",
    re.DOTALL,
)
_LETTERS = {
    b"n": b"\n",
    b"t": b"\t",
    b"r": b"\r",
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"v": b"\v",
}


def _unescape(text: str) -> str:
    """What a string literal stands for; octal and hexadecimal escapes are bytes of UTF-8."""
    if "\\" not in text:
        return text
    return decode(_ESCAPE.sub(_escaped, text.encode()))


def _escaped(match: re.Match[bytes]) -> bytes:
    octal, hexadecimal, code_point, letter = match.groups()
    if octal:
        return bytes([int(octal, 8) & 0xFF])
    if hexadecimal:
        return bytes([int(hexadecimal, 16)])
    if code_point:
        return chr(int(code_point[1:], 16)).encode("utf-8", "replace")
    return _LETTERS.get(letter, letter)


# ---- tree to messages ------------------------------------------------------------------------


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
                self.note(f"unknown field '{field.name}' of {message} ignored", field.offset)
                if message == "LayerParameter" and not isinstance(field.value, Scalar):
                    result[field.name] = untyped(field.value)
                continue
            value = self.value(field, kind)
            if kind.repeated:
                result.setdefault(field.name, []).append(value)
            elif field.name in result:
                self.note(f"'{field.name}' is set twice; the last one counts", field.offset)
                result[field.name] = _merged(result[field.name], value)
            else:
                result[field.name] = value
        return result

    def value(self, field: Field, kind: FieldType) -> Any:
        if kind.kind == "message":
            if isinstance(field.value, Scalar):
                raise self.refuse(field, f"{kind.message} {{ ... }}", field.value.text)
            return self.message(field.value, kind.message, field.offset)
        if not isinstance(field.value, Scalar):
            raise self.refuse(field, _EXPECTED[kind.kind], "a message { ... }")
        value = _READERS[kind.kind](field.value, kind)
        if value is None:
            written = field.value.text if field.value.kind != "string" else f'"{field.value.text}"'
            raise self.refuse(field, _expected(kind), written)
        if kind.kind == "enum" and value not in kind.names.values():
            self.note(f"unknown value {value} of '{field.name}'", field.offset)
        return value

    def refuse(self, field: Field, expected: str, received: str) -> PrototxtError:
        return PrototxtError(
            f"'{field.name}' has a value of the wrong kind",
            where=self.source.at(field.offset),
            expected=expected,
            received=received,
        )


def untyped(fields: tuple[Field, ...]) -> dict[str, Any]:
    """A message that no schema knows, for the plug-in that does: values as they look."""
    result: dict[str, Any] = {}
    for field in fields:
        is_message = not isinstance(field.value, Scalar)
        value = untyped(field.value) if is_message else _as_it_looks(field.value)
        if field.name in result:
            before = result[field.name]
            result[field.name] = [*(before if isinstance(before, list) else [before]), value]
        else:
            result[field.name] = value
    return result


def _as_it_looks(scalar: Scalar) -> Any:
    if scalar.kind == "string":
        return scalar.text
    if scalar.kind == "word" and scalar.text in ("true", "false"):
        return scalar.text == "true"
    if scalar.kind != "number":
        return scalar.text
    is_integer = _INTEGER.match(scalar.text)
    return int(scalar.text, 0) if is_integer else float(scalar.text.rstrip("fF"))


def _merged(old: Any, new: Any) -> Any:
    """What a field that is set twice holds: the last value; a message gains what the last sets."""
    if isinstance(new, list):
        return old + new
    if not isinstance(new, Message):
        return new
    both = {name: _merged(old[name], new[name]) for name in old.keys() & new.keys()}
    return Message({**old, **new, **both}, old.where)


# Each reader gives the value, or None where the text is of another kind.

_INTEGER = re.compile(r"-?(0[xX][0-9a-fA-F]+|0[0-7]+|0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[fF]?\Z")
_FLOAT_WORDS = ("inf", "infinity", "nan")
_BOOLS = {"true": True, "True": True, "t": True, "1": True}
_BOOLS |= {"false": False, "False": False, "f": False, "0": False}


def _read_int(value: Scalar, kind: FieldType) -> int | None:
    if value.kind != "number" or not _INTEGER.match(value.text):
        return None
    sign, digits = (-1, value.text[1:]) if value.text[0] == "-" else (1, value.text)
    octal = len(digits) > 1 and digits[0] == "0" and digits[1] in "01234567"
    number = sign * (int(digits, 8) if octal else int(digits, 0))
    return number if number in kind.integers else None


def _read_float(value: Scalar, _: FieldType) -> float | None:
    if value.kind == "word":
        return float(value.text) if value.text.lower().lstrip("-") in _FLOAT_WORDS else None
    if value.kind != "number":
        return None
    if _INTEGER.match(value.text) and "x" in value.text.lower():
        return float(int(value.text, 16))
    return float(value.text.rstrip("fF")) if _FLOAT.match(value.text) else None


def _read_bool(value: Scalar, _: FieldType) -> bool | None:
    return None if value.kind == "string" else _BOOLS.get(value.text)


def _read_string(value: Scalar, _: FieldType) -> str | None:
    return value.text if value.kind == "string" else None


def _read_enum(value: Scalar, kind: FieldType) -> str | None:
    if value.kind == "number" and _INTEGER.match(value.text):
        return kind.names.get(int(value.text, 0), value.text)
    return value.text if value.kind == "word" else None


_READERS: Mapping[str, Callable[[Scalar, FieldType], Any]] = {
    "int": _read_int,
    "float": _read_float,
    "bool": _read_bool,
    "string": _read_string,
    "enum": _read_enum,
}

_EXPECTED = {
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "string": "a string in quotes",
    "enum": "one of the names",
}


def _expected(kind: FieldType) -> str:
    if kind.kind == "enum":
        return f"one of {', '.join(kind.names.values())}"
    if kind.kind == "int":
        return f"an integer from {kind.integers.start} to {kind.integers.stop - 1}"
    return _EXPECTED[kind.kind]
