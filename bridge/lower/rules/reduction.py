"""Layers that leave less than they take: sums, means, places of maxima.

Formulas: reduction_layer.cpp, argmax_layer.cpp
"""

from __future__ import annotations

from bridge.caffe.net import Layer
from bridge.errors import UnsupportedLayerError
from bridge.lower.emitter import Emitter
from bridge.lower.table import layer
from bridge.lower.values import FLOAT, Value

_REDUCTIONS = {
    "SUM": "ReduceSum",
    "ASUM": "ReduceSum",  # of |x|: ReduceL1 loses an axis in OpenVINO where the batch is free
    "SUMSQ": "ReduceSumSquare",
    "MEAN": "ReduceMean",
}


@layer("Reduction", params="reduction_param")
def reduction(
    e: Emitter, layer: Layer, x: Value, *, operation: str = "SUM", axis: int = 0, coeff: float = 1.0
) -> Value:
    """coeff · ∑ x, ∑ |x|, ∑ x² or the mean, over all axes from `axis` on    x: *p … → *p"""
    if operation not in _REDUCTIONS:
        raise UnsupportedLayerError(
            f"unknown operation {operation}", where=layer, expected=", ".join(_REDUCTIONS)
        )
    axes = list(range(axis % x.rank if x.rank else 0, x.rank))
    x = e.Abs(x) if operation == "ASUM" else x
    y = e.reduce(_REDUCTIONS[operation], x, axes, keepdims=False)
    return y if coeff == 1 else e.Mul(y, float(coeff))


@layer("ArgMax", params="argmax_param")
def arg_max(
    e: Emitter,
    layer: Layer,
    x: Value,
    *,
    out_max_val: bool = False,
    top_k: int = 1,
    axis: int | None = None,
) -> Value:
    """The places of the `top_k` greatest numbers, as floats; of equal ones the last is first.

    Along `axis` (then `out_max_val` gives the values instead), or over all of a sample:
    n … → n 1 k, and with `out_max_val` n 2 k, the places and then the values.
    """
    if axis is not None:
        values, places = _greatest(e, x, top_k, axis % x.rank)
        return values if out_max_val else e.Cast(places, to=FLOAT)
    values, places = _greatest(e, e.Flatten(x, axis=1), top_k, 1)
    result = e.Cast(places, to=FLOAT)
    if out_max_val:
        result = e.Concat(result, values, axis=1)
    return e.reshape(result, e.tops[0])


def _greatest(e: Emitter, x: Value, count: int, axis: int) -> tuple[Value, Value]:
    """The greatest numbers along an axis, and their places.

    TopK takes the first of equal numbers, so it looks at them in reverse.
    """
    if count == 1:
        places = e.ArgMax(x, axis=axis, select_last_index=1)
        return e.reduce("ReduceMax", x, [axis]), places
    last = x.fixed(axis) - 1
    reverse = e.Slice(x, [last], [-(last + 2)], [axis], [-1])
    values, places = e.op("TopK", reverse, [count], outputs=2, axis=axis)
    return values, e.Sub(last, places)
