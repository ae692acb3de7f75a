"""Values and names as Python source: whatever a file calls its layers, it stays a string."""

from __future__ import annotations

import builtins
import keyword
import re
from dataclasses import dataclass
from itertools import count
from math import isfinite
from typing import Any

import numpy as np

from bridge.errors import UnsupportedError
from bridge.raising.names import decode


@dataclass(frozen=True)
class Code:
    """Source that this package wrote, as the value of an option."""

    source: str


def literal(value: Any) -> str:
    """The source of a plain value, as `ruff format` spells it.

    Raises UnsupportedError for what has none.
    """
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Code):
        return value.source
    if value is Ellipsis:
        return "..."
    if isinstance(value, np.generic):
        return literal(value.item())
    if isinstance(value, float):
        return repr(value).replace("e+", "e") if isfinite(value) else f'float("{value}")'
    if value is None or isinstance(value, (bool, int)):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    raise UnsupportedError(
        "no script can spell this",
        received=type(value).__name__,
        hint="write a .keras file",
    )


def quoted(text: str) -> str:
    """A string literal in ASCII, with double quotes where the text has none itself."""
    source = ascii(text)
    return source if '"' in text else f'"{source[1:-1]}"'


def f_string(before: str, variable: str, after: str) -> str:
    """The source of `before`, the variable's value and `after`, which is the variable alone if both
    are empty."""
    if not before and not after:
        return variable
    parts = [ascii(text)[1:-1].replace("{", "{{").replace("}", "}}") for text in (before, after)]
    parts = [part.replace('"', '\\"') for part in parts]
    return f'f"{parts[0]}{{{variable}}}{parts[1]}"'


def shortest(value: Any) -> Any:
    """The number that was meant: 0.001 for 0.0010000000474974513, which single precision has."""
    if isinstance(value, float) and isfinite(value) and float(np.float32(value)) == value:
        return float(str(np.float32(value)))
    return value


_TAKEN = frozenset(["l", *keyword.kwlist, *keyword.softkwlist, *dir(builtins)])


class Identifiers:
    """Variables and functions of one scope, each of another name."""

    def __init__(self, *taken: str) -> None:
        self._taken = {*_TAKEN, *taken}

    def new(self, name: str) -> str:
        """After the name of a layer, as Keras or Caffe spells it."""
        stem = re.sub("[^0-9a-z]+", "_", decode(name).lower()).strip("_")
        stem = stem if stem[:1].isalpha() else f"layer_{stem}".rstrip("_")
        names = (stem if number == 1 else f"{stem}_{number}" for number in count(1))
        name = next(name for name in names if name not in self._taken)
        self._taken.add(name)
        return name
