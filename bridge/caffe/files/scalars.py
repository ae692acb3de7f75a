"""Single values of a prototxt: what a number, word or string means in a field of a given kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import copysign, inf
from typing import Any

from bridge.caffe.files.textformat import Scalar
from bridge.caffe.schema import FieldType


def read(value: Scalar, kind: FieldType) -> Any:
    """The value for a field of this kind: int, float, bool or str; None for another kind."""
    return _READERS[kind.kind](value, kind)


def expected(kind: FieldType) -> str:
    """What a field of this kind accepts, for messages."""
    if kind.kind == "enum":
        return f"one of {', '.join(kind.names.values())}"
    if kind.kind == "int":
        return f"an integer from {kind.integers.start} to {kind.integers.stop - 1}"
    if kind.kind == "message":
        return f"{kind.message} {{ ... }}"
    return _EXPECTED[kind.kind]


_EXPECTED = {
    "float": "a number",
    "bool": "true or false",
    "string": "a string in quotes",
    "word": "a word, such as CONVOLUTION",
}


def as_it_looks(value: Scalar) -> Any:
    """The value for a field of unknown kind."""
    if value.kind == "word":
        return {"true": True, "false": False}.get(value.text, value.text)
    if value.kind == "number" and _is_integer(value.text):
        return _integer(value.text)
    if value.kind == "number" and _FLOAT.match(value.text):
        return float(value.text.rstrip("fF"))
    return value.text


_INTEGER = re.compile(r"-?(0[xX][0-9a-fA-F]+|0[0-7]+|0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[fF]?\Z")
_FLOAT_WORDS = ("inf", "infinity", "nan")
_BOOLS = {"true": True, "True": True, "t": True, "1": True}
_BOOLS |= {"false": False, "False": False, "f": False, "0": False}


# More than any kind of number has; Python itself parses at most 4,300.
_MAX_DIGITS = 100


def _is_integer(text: str) -> bool:
    return len(text) <= _MAX_DIGITS and _INTEGER.match(text) is not None


def _integer(text: str) -> int:
    """A decimal, hexadecimal or octal number; octal begins with 0, as in C."""
    digits = text.lstrip("-")
    base = 8 if digits[0] == "0" and digits[1:].isdigit() else 0
    return int(digits, base) * (-1 if text[0] == "-" else 1)


def _read_int(value: Scalar, kind: FieldType) -> int | None:
    if value.kind != "number" or not _is_integer(value.text):
        return None
    number = _integer(value.text)
    return number if number in kind.integers else None


def _read_float(value: Scalar, _: FieldType) -> float | None:
    if value.kind == "word":
        return float(value.text) if value.text.lower().lstrip("-") in _FLOAT_WORDS else None
    if value.kind == "string":
        return None
    if _FLOAT.match(value.text):
        return _single(float(value.text.rstrip("fF")))
    return _single(float(_integer(value.text))) if _is_integer(value.text) else None


def _single(number: float) -> float:
    """A number beyond float32 is infinite, as it is in protobuf's own reader."""
    return copysign(inf, number) if abs(number) >= _BEYOND_SINGLE else number


# The least number that is not rounded to float32's greatest.
_BEYOND_SINGLE = (2 - 2**-24) * 2.0**127


def _read_bool(value: Scalar, _: FieldType) -> bool | None:
    return None if value.kind == "string" else _BOOLS.get(value.text)


def _read_string(value: Scalar, _: FieldType) -> str | None:
    return value.text if value.kind == "string" else None


def _read_enum(value: Scalar, kind: FieldType) -> str | None:
    if value.kind == "number" and _is_integer(value.text):
        return kind.names.get(_integer(value.text), value.text)
    return value.text if value.kind == "word" else None


_READERS: Mapping[str, Callable[[Scalar, FieldType], Any]] = {
    "int": _read_int,
    "float": _read_float,
    "bool": _read_bool,
    "string": _read_string,
    "enum": _read_enum,
    "word": _read_enum,
}
