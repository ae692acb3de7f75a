"""Protobuf's text format: text to a tree of fields, each knowing its line and column.

It knows nothing of Caffe. It accepts what protobuf accepts: lists, both kinds of brackets, adjacent
strings, escapes, comments, and optional separators.
(Format: https://protobuf.dev/reference/protobuf/textformat-spec/)
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

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
    """A value as written. `kind`: "string" (already unquoted), "number" or "word"."""

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


def decode(data: bytes) -> str:
    """The text of a file: UTF-8, or else Latin-1, in which any bytes are text."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


_TOKEN = re.compile(
    r"""(?:\s++|\#[^\n]*+)*+(?:  # which gives nothing back: no step is kept for each comment
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
    """Parse protobuf text format. Errors: PrototxtError for anything else."""
    return _Parser(Source(text, file)).tree()


class _Parser:
    """Recursive descent with one token of lookahead."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.tokens = self._scan()
        self.ahead = next(self.tokens)
        self.opened: list[int] = []  # the offsets of the brackets that are still open

    def _scan(self) -> Iterator[_Token]:
        for match in _TOKEN.finditer(self.source.text):
            kind = str(match.lastgroup)
            yield _Token(kind, match[kind], match.start(kind))

    def advance(self) -> _Token:
        """Consume and return the next token."""
        token, self.ahead = self.ahead, next(self.tokens, self.ahead)
        return token

    def take(self, mark: str) -> bool:
        """Whether the next token is this mark; consumes it if so."""
        if self.ahead.kind == "mark" and self.ahead.text == mark:
            self.advance()
            return True
        return False

    def refuse(self, expected: str) -> PrototxtError:
        kind, text, offset = self.ahead
        received = "the end of the file" if kind == "end" else text
        if kind == "bad" and text in "\"'":
            received = f"a string without its closing {text}"
        is_open = kind == "end" and bool(self.opened)
        line = self.source.at(self.opened[-1]).line if is_open else 0
        return PrototxtError(
            "not valid prototxt",
            where=self.source.at(offset),
            expected=expected,
            received=received,
            hint=f"the bracket opened in line {line} is never closed" if is_open else None,
        )

    def tree(self) -> Tree:
        fields = self.body("")
        return Tree(fields, self.source)

    def body(self, closing: str) -> tuple[Field, ...]:
        """Fields up to the closing bracket, or to the end of the text if `closing` is empty."""
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
        offset = self.ahead.offset
        for opening, closing in _CLOSING.items():
            if self.take(opening):
                self.opened.append(offset)
                return self.message(closing)
        if not colon:
            raise self.refuse("':' or '{' after the field name")
        return self.scalar()

    def message(self, closing: str) -> tuple[Field, ...]:
        if len(self.opened) > MAX_DEPTH:
            raise self.refuse(f"at most {MAX_DEPTH} nested messages")
        fields = self.body(closing)
        self.opened.pop()
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
        """One or more string literals; adjacent ones form one string."""
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
    """The value of a string literal; octal and hexadecimal escapes are bytes of UTF-8."""
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
