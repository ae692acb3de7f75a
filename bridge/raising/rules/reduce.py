"""Reductions over axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.plan import Ref
from bridge.raising.recorder import Recorder
from bridge.raising.table import Node, Operand, Step, raises

REDUCTIONS: Mapping[str, str] = {
    "ReduceMean": "mean",
    "ReduceSum": "sum",
    "ReduceMax": "max",
    "ReduceMin": "min",
    "ReduceProd": "prod",
}


def reduction(
    node: Node,
    function: str,
    x: Operand,
    axes_input: Operand | None,
    axes: Sequence[int] | None,
    keepdims: int,
    noop_with_empty_axes: int,
) -> Step:
    """Reduces in the order in which x is stored, where each reduced axis lies whole."""
    if axes_input is not None:
        axes = [int(axis) for axis in axes_input.array()]
    if not axes and noop_with_empty_axes:
        raise UnsupportedError("a reduction over no axes")
    logical = [axis % x.rank for axis in axes or range(x.rank)]
    whole = all(x.layout.where(axis) is not None for axis in logical)
    want = x.layout if whole else Layout.plain(x.shape)
    # Axes of size 1 may share a place.
    places = tuple(sorted({place for axis in logical if (place := want.where(axis)) is not None}))
    out = want.dropped(logical)
    if keepdims:
        out = want
        for axis in logical:
            out = out.resized(axis, 1)

    def build(k: Recorder, x: Ref) -> Ref:
        return k.op(function, x, axis=places, keepdims=bool(keepdims))

    return Step((want,), (out,), build)


def _register(operator: str, function: str) -> None:
    def rule(
        node: Node,
        x: Operand,
        axes_input: Operand | None = None,
        *,
        axes: Sequence[int] | None = None,
        keepdims: int = 1,
        noop_with_empty_axes: int = 0,
    ) -> Step:
        return reduction(node, function, x, axes_input, axes, keepdims, noop_with_empty_axes)

    rule.__doc__ = f"Over axes, or all: {function}."
    raises(operator)(rule)


for _operator, _function in REDUCTIONS.items():
    _register(_operator, _function)
