"""Functions of each number by itself, and of two tensors number by number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

from bridge.tflite.building import broadcast, operand, operands, refuse_axes
from bridge.tflite.graph import Graph, NotWrittenError, Tensor
from bridge.tflite.schema import DTYPES
from bridge.tflite.table import Results, writes

NUMBERS = ("float32", "int32")
LARGE_NUMBERS = (*NUMBERS, "int64")
_FOUR = 4  # axes, along which most kernels broadcast
_INT64 = {"ADD": 4, "MUL": 5, "SUB": 4}  # versions


def unary(g: Graph, code: str, x: Tensor, dtypes: Sequence[str] = ("float32",)) -> Tensor:
    if x.dtype not in dtypes:
        raise NotWrittenError(f"{code} of {x.dtype}")
    return g.op(code, x, shape=x.shape)


def binary(
    g: Graph, code: str, one: Any, other: Any, *, dtype: str = "", dtypes: Sequence[str] = NUMBERS
) -> Tensor:
    """An operator of two tensors, of which one may be a number of Python's."""
    a, b = operands(g, one, other)
    if a.dtype not in dtypes:
        raise NotWrittenError(f"{code} of {a.dtype}")
    shape = broadcast(a.shape, b.shape)
    if a.shape != b.shape and len(shape) > _BROADCAST.get(code, _FOUR):
        raise NotWrittenError(f"{code} of two shapes of {len(shape)} axes")
    version = _INT64.get(code, 1) if a.dtype == "int64" else 1
    return g.op(code, a, b, shape=shape, dtype=dtype, version=version)


_BROADCAST = dict.fromkeys(("ADD", "SUB", "MUL", "DIV"), 5)

_UNARY = {
    "absolute": "ABS",
    "ceil": "CEIL",
    "cos": "COS",
    "exp": "EXP",
    "floor": "FLOOR",
    "log": "LOG",
    "negative": "NEG",
    "round": "ROUND",
    "rsqrt": "RSQRT",
    "sign": "SIGN",
    "sin": "SIN",
    "sqrt": "SQRT",
    "square": "SQUARE",
}
# With the dtypes of which Keras's function is the same.
_BINARY = {
    "add": ("ADD", LARGE_NUMBERS),
    "divide": ("DIV", ("float32",)),
    "maximum": ("MAXIMUM", NUMBERS),
    "minimum": ("MINIMUM", NUMBERS),
    "mod": ("FLOOR_MOD", ("int32", "int64")),
    "multiply": ("MUL", LARGE_NUMBERS),
    "power": ("POW", ("float32",)),
    "subtract": ("SUB", LARGE_NUMBERS),
}
_COMPARISONS = {
    "equal": "EQUAL",
    "greater": "GREATER",
    "greater_equal": "GREATER_EQUAL",
    "less": "LESS",
    "less_equal": "LESS_EQUAL",
    "not_equal": "NOT_EQUAL",
}
_LOGICAL = {"logical_and": "LOGICAL_AND", "logical_or": "LOGICAL_OR"}


def _unary(code: str) -> Callable[..., Results]:
    return lambda g, x: unary(g, code, x)


def _binary(code: str, dtypes: Sequence[str], dtype: str = "") -> Callable[..., Results]:
    return lambda g, x1, x2: binary(g, code, x1, x2, dtypes=dtypes, dtype=dtype)


for _name, _code in _UNARY.items():
    writes(f"ops.{_name}")(_unary(_code))
for _name, (_code, _dtypes) in _BINARY.items():
    writes(f"ops.{_name}")(_binary(_code, _dtypes))
for _name, _code in _COMPARISONS.items():
    writes(f"ops.{_name}")(_binary(_code, LARGE_NUMBERS, "bool"))
for _name, _code in _LOGICAL.items():
    writes(f"ops.{_name}")(_binary(_code, ("bool",)))


@writes("ops.reciprocal")
def reciprocal(g: Graph, x: Tensor) -> Tensor:
    return binary(g, "DIV", 1.0, x)


@writes("ops.logical_not")
def logical_not(g: Graph, x: Tensor) -> Tensor:
    return unary(g, "LOGICAL_NOT", x, ("bool",))


def _merging(name: str) -> Callable[..., Results]:
    """A layer that is the function of this name, of all its inputs."""
    code, dtypes = _BINARY[name]

    def merged(g: Graph, tensors: Sequence[Tensor]) -> Tensor:
        if len({tensor.rank for tensor in tensors}) > 1:  # Keras has rules of its own for them
            raise NotWrittenError("tensors of different ranks")
        return reduce(lambda one, other: binary(g, code, one, other, dtypes=dtypes), tensors)

    return merged


for _name in ("add", "maximum", "minimum", "multiply", "subtract"):
    writes(f"layers.{_name.capitalize()}")(_merging(_name))


@writes("layers.Average")
def average(g: Graph, tensors: Sequence[Tensor]) -> Tensor:
    total = _merging("add")(g, tensors)
    return binary(g, "MUL", total, 1 / len(tensors))


@writes("ops.clip")
def clip(g: Graph, x: Tensor, x_min: float, x_max: float) -> Tensor:
    return binary(g, "MINIMUM", binary(g, "MAXIMUM", x, x_min), x_max)


@writes("layers.Rescaling")
def rescaling(g: Graph, x: Tensor, *, scale: Any, offset: Any = 0.0) -> Tensor:
    return binary(g, "ADD", binary(g, "MUL", x, scale), offset)


@writes("ops.cast")
def cast(g: Graph, x: Tensor, dtype: str) -> Tensor:
    if x.dtype == dtype:
        return x
    if dtype not in DTYPES:
        raise NotWrittenError(f"a tensor of {dtype}")
    kinds = {"in_data_type": DTYPES[x.dtype], "out_data_type": DTYPES[dtype]}
    return g.op("CAST", x, shape=x.shape, dtype=dtype, **kinds)


@writes("ops.where")
def where(g: Graph, condition: Tensor, x1: Any, x2: Any) -> Tensor:
    one, other = operands(g, x1, x2)
    chosen = operand(g, condition, "bool")
    shape = broadcast(chosen.shape, broadcast(one.shape, other.shape))
    refuse_axes(g.tensor("select", shape, one.dtype), _FOUR)
    return g.op("SELECT_V2", chosen, one, other, shape=shape, dtype=one.dtype)
