"""The supported layers and operators, by the two tables: for the command `layers` and the docs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple


class LayerRow(NamedTuple):
    """A supported type of Caffe layer."""

    type: str
    origin: str
    since: str
    note: str


class OperatorRow(NamedTuple):
    """A supported ONNX operator, and the first opset of the rule."""

    operator: str
    opset: str
    note: str


def layer_rows() -> list[LayerRow]:
    """Every layer type with a rule, including those of the reader (inputs)."""
    from bridge.caffe.origins import origin
    from bridge.lower import TABLE

    public = (name for name in TABLE if name.isidentifier())
    return [
        LayerRow(name, origin(name), TABLE[name].since, _first_line(TABLE[name].rule))
        for name in sorted(public, key=str.lower)
    ]


def operator_rows() -> list[OperatorRow]:
    """Every ONNX operator with a rule."""
    from bridge.raising import TABLE

    return [
        OperatorRow(operator, str(since), _first_line(entry.rule))
        for operator in sorted(TABLE)
        for since, entry in TABLE.versions(operator)
        if "::" not in operator
    ]


def _first_line(rule: Callable[..., Any]) -> str:
    text = inspect.getdoc(rule) or ""
    return " ".join(text.partition("(onnx.ai")[0].split("\n", 1)[0].split())
