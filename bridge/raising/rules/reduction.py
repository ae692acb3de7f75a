"""Reductions over axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.building.candidates import own_axes
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.table import Candidate, Node, Operand, raises

# For each operator the function before the reduction, the reduction, and the function after it.
REDUCTIONS: Mapping[str, tuple[str | None, str, str | None]] = {
    "ReduceMean": (None, "mean", None),
    "ReduceSum": (None, "sum", None),
    "ReduceMax": (None, "max", None),
    "ReduceMin": (None, "min", None),
    "ReduceProd": (None, "prod", None),
    "ReduceL1": ("absolute", "sum", None),
    "ReduceL2": ("square", "sum", "sqrt"),
    "ReduceSumSquare": ("square", "sum", None),
    "ReduceLogSum": (None, "sum", "log"),
    "ReduceLogSumExp": (None, "logsumexp", None),
}


def reduction(
    node: Node,
    operator: str,
    x: Operand,
    axes_input: Operand | None,
    axes: Sequence[int] | None,
    keepdims: int,
    noop_with_empty_axes: int,
) -> Candidate:
    """A reduction in the layout of x if each reduced axis has a stored axis of its own."""
    if x.dtype == "uint64" and operator == "ReduceProd":
        raise UnsupportedError("a product of uint64, which Keras computes in uint32")
    if axes_input is not None:
        axes = [int(axis) for axis in axes_input.array()]
    over = axes or (() if noop_with_empty_axes else range(x.rank))
    logical = [axis % x.rank for axis in over]
    input_layout, stored_axes = own_axes(x.layout, logical)
    output_layout = input_layout.dropped(logical)
    if keepdims:
        output_layout = input_layout
        for axis in logical:
            output_layout = output_layout.resized(axis, 1)

    is_empty, dtype = 0 in x.shape, x.dtype

    def build(k: Recorder, x: Ref) -> Ref:
        before, function, after = REDUCTIONS[operator]
        x = x if before is None else k.op(before, x)
        options: dict[str, Any] = {"axis": stored_axes, "keepdims": bool(keepdims)}
        if is_empty and function in ("max", "min"):
            options["initial"] = _neutral(function, dtype)
        if logical or function == "logsumexp":
            x = k.op(function, x, **options)
        return x if after is None else k.op(after, x)

    def backward(output_layout: Layout) -> Layout:
        for axis in sorted(logical):
            output_layout = output_layout if keepdims else output_layout.inserted(axis)
            output_layout = output_layout.resized(axis, x.shape[axis])
        return output_layout

    return Candidate((input_layout,), (output_layout,), build, backward)


def _neutral(function: str, dtype: str) -> float | int:
    """The maximum, or the minimum, of no elements, for which Keras has no default."""
    if dtype == "bool":
        return int(function == "min")
    if "int" in dtype:
        return int(np.iinfo(dtype).min if function == "max" else np.iinfo(dtype).max)
    return -inf if function == "max" else inf


def _register(operator: str) -> None:
    def rule(
        node: Node,
        x: Operand,
        axes_input: Operand | None = None,
        *,
        axes: Sequence[int] | None = None,
        keepdims: int = 1,
        noop_with_empty_axes: int = 0,
    ) -> Candidate:
        return reduction(node, operator, x, axes_input, axes, keepdims, noop_with_empty_axes)

    functions = " of ".join(filter(None, REDUCTIONS[operator][::-1]))
    rule.__doc__ = f"Over axes, or all: {functions}\n\n(onnx.ai/onnx/operators, {operator})"
    raises(operator)(rule)


for _operator in REDUCTIONS:
    _register(_operator)
