"""What the process of a model answers, as plain data: trees of JSON, and arrays beside them.

JSON's own numbers, texts and None stand for themselves, and everything else is a list of what it is
and what it has: ["tuple", [1, 2]]. Objects are of the classes below, and are made again from their
fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from bridge import errors
from bridge.check.backends import exported
from bridge.check.backends.backend import Origin
from bridge.check.backends.stored.opening import KerasFile
from bridge.errors import BridgeError, GraphError
from bridge.graph.io import ports
from bridge.layout import Layout
from bridge.layout.concatenated import Concatenated
from bridge.types import Array

_CONTAINERS: Mapping[str, Callable[..., Any]] = {
    "list": list,
    "tuple": tuple,
    "frozenset": frozenset,
    "dict": dict,
}
_CLASSES = {
    f"{kind.__module__}.{kind.__qualname__}": kind
    for kind in (
        Concatenated,
        KerasFile,
        Layout,
        Origin,
        exported.Exported,
        exported.Port,
        ports.Exported,
        ports.Port,
    )
}
_ERRORS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, BridgeError)
}
_PARTS = ("where", "expected", "received", "hint")


def packed(value: Any, arrays: list[Array]) -> Any:
    """The tree of a value, whose arrays are added to these. Raises GraphError for arrays that are
    no numbers, TypeError for an object of another class."""
    tree = partial(packed, arrays=arrays)
    match value:
        case None | bool() | int() | float() | str():
            return value
        case np.generic():
            return value.item()
        case np.ndarray() if value.dtype.hasobject:
            raise GraphError("the model computes what is no number", received=value.dtype)
        case np.ndarray():
            arrays.append(value)
            return ["array", len(arrays) - 1]
        case onnx.ModelProto():
            return ["graph", tree(np.frombuffer(value.SerializeToString(), np.uint8))]
        case BridgeError():
            return ["error", [tree(part) for part in _parts(value)]]
        case Mapping():
            return ["dict", [tree(item) for item in value.items()]]
        case list() | tuple() | frozenset():
            return [type(value).__name__, [tree(item) for item in value]]
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if name not in _CLASSES:
        raise TypeError(f"{name} is none of the classes of answers")
    return [name, [tree(getattr(value, field.name)) for field in fields(value)]]


def unpacked(message: Mapping[str, Any], arrays: Sequence[Array]) -> Any:
    """The value whose tree is in a message. Raises ValueError where it is none."""
    try:
        return _value(message["answer"], arrays)
    except (TypeError, KeyError, IndexError, RecursionError, DecodeError) as error:
        raise ValueError("no value") from error


def _value(tree: Any, arrays: Sequence[Array]) -> Any:
    if isinstance(tree, dict):
        raise TypeError("an object has its class before it")
    if not isinstance(tree, list):
        return tree
    kind, content = tree
    if kind == "array":
        return arrays[content]
    if kind == "graph":
        return onnx.ModelProto.FromString(_value(content, arrays).tobytes())
    items = [_value(item, arrays) for item in content]
    if kind == "error":
        return _error(*items)
    return _CONTAINERS[kind](items) if kind in _CONTAINERS else _CLASSES[kind](*items)


def _parts(error: BridgeError) -> tuple[Any, ...]:
    """Its parts as text: what they are of may be known in one process alone."""
    name = next(kind.__name__ for kind in type(error).__mro__ if kind.__name__ in _ERRORS)
    texts = error.as_dict()
    named = {part: texts[part] for part in _PARTS}
    return name, error.problem, named, [*map(str, error.lines)], error.warnings


def _error(
    name: str, problem: str, parts: dict[str, Any], lines: list[str], warnings: tuple[str, ...]
) -> BridgeError:
    error: BridgeError = _ERRORS[name](problem, **parts, lines=lines)
    error.warnings = warnings
    return error
