"""What the arguments of public functions may be. A name means the same in all of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bridge.errors import UsageError

# The largest size of an axis: Caffe and its kin count in 32 bits.
_MAX_DIM = 2**31 - 1
_MAX_FLOAT = (2 - 2**-23) * 2.0**127


class Kind(NamedTuple):
    """What an argument may be, in words and as a test."""

    expected: str
    holds: Callable[[object], bool]


def _is_path(value: object) -> bool:
    return isinstance(value, Path) or (isinstance(value, str) and value != "" and "\0" not in value)


def _is_int(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, Integral):
        return False
    return abs(int(value)) < 2**63


def _is_count(value: object) -> bool:
    return isinstance(value, Integral) and _is_int(value) and int(value) >= 1


def _is_number(value: object) -> bool:
    """A number of float32, neither infinite nor NaN, which is not less than anything."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    return value <= _MAX_FLOAT and not value < -_MAX_FLOAT


def _is_bool(value: object) -> bool:
    return isinstance(value, bool) or type(value).__name__ in ("bool", "bool_")  # NumPy's own


def _all(holds: Callable[[object], bool]) -> Callable[[object], bool]:
    """A collection of them, other than a str or a mapping."""

    def several(value: object) -> bool:
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            return False
        return isinstance(value, Collection) and all(map(holds, value))

    return several


def _either(*kinds: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: any(holds(value) for holds in kinds)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_dim(value: object) -> bool:
    return isinstance(value, Integral) and _is_count(value) and int(value) <= _MAX_DIM


def _is_shapes(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        _is_text(name) and _all(_is_dim)(shape) for name, shape in value.items()
    )


def _is_numbers(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        _is_text(name) and _is_number(number) for name, number in value.items()
    )


def _is_mean(value: object) -> bool:
    return _is_path(value) or _is_numbers_of_channels(value)


def _is_numbers_of_channels(value: object) -> bool:
    flat = value.ravel().tolist() if isinstance(value, np.ndarray) else value
    return _is_number(flat) or (_all(_is_number)(flat) and bool(flat))


def _is_arrays(value: object) -> bool:
    return isinstance(value, Mapping) and all(map(_is_text, value))


PATH = Kind("a path: a str that is not empty, or a pathlib.Path", _is_path)
# Whatever else a model may be is checked by the functions themselves.
MODEL = Kind(PATH.expected, lambda value: not isinstance(value, str) or _is_path(value))
PATHS = Kind("a path, or a list of them", _either(_is_path, _all(_is_path)))
FLAG = Kind("True or False", _is_bool)
INT = Kind("a whole number", _is_int)
NUMBER = Kind("a finite number, of float32's range", _is_number)
TEXT = Kind("a str", _is_text)
TEXTS = Kind("a str, or a list of them", _either(_is_text, _all(_is_text)))

KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("prototxt", "caffemodel", "output", "map", "labels", "report", "html"), PATH),
    **dict.fromkeys(("solver", "solverstate", "record", "folder", "int8"), PATH),
    **dict.fromkeys(("a", "b", "graph", "model", "model_or_path", "net"), MODEL),
    **dict.fromkeys(("images", "plugin"), PATHS),
    **dict.fromkeys(("check", "fp16", "dynamic", "fold_bn", "inference", "portable"), FLAG),
    **dict.fromkeys(("allow_missing_weights", "allow_external_path", "rgb"), FLAG),
    **dict.fromkeys(("opset", "level", "seed", "batches"), INT),
    **dict.fromkeys(
        ("weights", "io_layout", "target", "quantized", "blob", "runtime", "phase", "scheduler"),
        TEXT,
    ),
    **dict.fromkeys(
        ("batch", "jobs", "memory", "top"), Kind("a whole number, 1 or more", _is_count)
    ),
    **dict.fromkeys(("seconds", "confidence"), NUMBER),
    "paths": Kind("a list of paths", _all(_is_path)),
    **dict.fromkeys(("outputs", "stage", "ignore_fields", "to"), TEXTS),
    "input_shape": Kind(
        f"shapes by input, {{'data': (1, 3, 224, 224)}}, of sizes from 1 to {_MAX_DIM}", _is_shapes
    ),
    "input_value": Kind("a number by input, {'rate': 16000}", _is_numbers),
    "scale": Kind("a number, or one for each channel", _is_numbers_of_channels),
    "mean": Kind("a number, one for each channel, or a path", _is_mean),
    "inputs": Kind(
        "a path, or arrays by the names of inputs",
        _either(_is_path, _is_arrays),
    ),
    "progress": Kind("a function of a str", callable),
    "done": Kind("a function of two numbers and a str", callable),
}
"""The kinds of all arguments of public functions, by name."""


def refuse_wrong_kinds(arguments: Mapping[str, object]) -> None:
    """Raises UsageError for the first argument that is not of its kind."""
    for name, value in arguments.items():
        kind = KINDS.get(name)
        if kind is not None and not kind.holds(value):
            raise UsageError(
                f"{name} cannot be this",
                expected=kind.expected,
                received=f"{short(value)} ({type(value).__name__})",
            )


def short(value: object) -> str:
    """A value as Python writes it, cut if it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python does not write numbers of more than 4,300 digits
        return "a very large number"
    return text if len(text) <= 80 else f"{text[:80]} …"
