"""The properties of an ONNX graph's nodes and values that the layout pass uses."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import prod
from typing import Any

from bridge import ir
from bridge.errors import GraphError
from bridge.layout import cached, known_factor
from bridge.raising.table import Shape

FLOAT_BYTES = 4


def attributes_of(node: ir.Node) -> Mapping[str, Any]:
    return {name: attribute.value for name, attribute in node.attributes.items()}


def operator_name(node: ir.Node) -> str:
    return f"{node.domain}::{node.op_type}" if node.domain else node.op_type


def describe(node: ir.Node) -> str:
    return f"node '{node.name or name_of(node.outputs[0])}' ({operator_name(node)})"


def name_of(value: ir.Value) -> str:
    return value.name or ""


def is_constant(value: ir.Value) -> bool:
    return value.const_value is not None


def dtype_of(value: ir.Value) -> str:
    return "float32" if value.dtype is None else _name(value.dtype)


@cache
def _name(dtype: ir.DataType) -> str:
    return str(dtype.numpy())


def logical_shape(value: ir.Value) -> Shape:
    """A value's shape, in which an unknown dim without a name has a unique one."""
    if value.shape is None:
        raise GraphError(f"value '{value.name}' has no shape", hint="run bridge.graph.passes")
    return tuple(
        dim if isinstance(dim, int) else (dim.value or f"{name_of(value)}_{axis}")
        for axis, dim in enumerate(value.shape)
    )


def same_shape(one: Shape, other: Shape) -> bool:
    """Whether two shapes can be the same: symbols are not compared, their names may differ."""
    return len(one) == len(other) and all(
        a == b for a, b in zip(one, other, strict=True) if isinstance(a, int) and isinstance(b, int)
    )


@cached
def bytes_of(shape: Shape) -> int:
    """The bytes of a float32 tensor of this shape, with 1 for each unknown size."""
    return FLOAT_BYTES * prod(map(known_factor, shape))
