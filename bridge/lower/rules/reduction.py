"""Reductions: sums, means and indices of maxima.

Formulas: reduction_layer.cpp, argmax_layer.cpp
"""

from __future__ import annotations

from bridge.caffe.net import Layer
from bridge.errors import UnsupportedLayerError
from bridge.lower.emitter import Emitter
from bridge.lower.rules.arithmetic import MOST_GREATEST, has_exact_indices, last_greatest
from bridge.lower.table import layer
from bridge.lower.values import FLOAT, Value

# ASUM is a sum of |x|: ReduceL1 loses an axis in OpenVINO if the batch is symbolic.
_SUMS = ("SUM", "ASUM")
_MOST_INDICES = 4096  # that a graph has for the reverse of an axis
_REDUCTIONS = {"SUMSQ": "ReduceSumSquare", "MEAN": "ReduceMean"}


@layer("Reduction", params="reduction_param")
def reduction(
    e: Emitter, layer: Layer, x: Value, *, operation: str = "SUM", axis: int = 0, coeff: float = 1.0
) -> Value:
    """coeff · ∑ x, ∑ |x|, ∑ x² or the mean, over all axes from `axis` on    x: *p … → *p"""
    if operation not in (*_SUMS, *_REDUCTIONS):
        known = ", ".join((*_SUMS, *_REDUCTIONS))
        raise UnsupportedLayerError(f"unknown operation {operation}", where=layer, expected=known)
    axes = list(range(axis % x.rank if x.rank else 0, x.rank))
    x = e.Abs(x) if operation == "ASUM" else x
    # OpenCV 4 has no arrays of one axis, and multiplies what it has for one by the wrong rules.
    is_late = x.rank - len(axes) == 1 and (operation in _SUMS or coeff != 1)
    if is_late and len(axes) > 1:
        x, axes = e.Flatten(x, axis=1), [1]
    if operation in _SUMS:
        y = e.sum(x, axes, keepdims=is_late)
    else:
        y = e.reduce(_REDUCTIONS[operation], x, axes, keepdims=is_late)
    y = y if coeff == 1 else e.Mul(y, float(coeff))
    return e.Squeeze(y, axes) if is_late else y


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
    """The indices of the `top_k` greatest numbers, as floats; of equal ones the last comes first.

    Along `axis` (then `out_max_val` returns the values instead), or over a whole sample:
    n … → n 1 k, and with `out_max_val` n 2 k, the indices and then the values.
    """
    if axis is not None:
        axis %= x.rank
        if out_max_val and top_k == 1:
            return e.reduce("ReduceMax", x, [axis])
        values, indices = _greatest(e, x, top_k, axis)
        return indices if values is None or not out_max_val else values
    x = e.Flatten(x, axis=1)
    values, result = _greatest(e, x, top_k, 1)
    if out_max_val:
        values = e.reduce("ReduceMax", x, [1]) if values is None else values
        result = e.Concat(result, values, axis=1)
    return e.reshape(result, e.tops[0])


def _greatest(e: Emitter, x: Value, count: int, axis: int) -> tuple[Value | None, Value]:
    """The greatest numbers along an axis, unless it is one, and their indices as floats.

    TopK takes the first of equal numbers, so it gets them in reverse: by their indices, as OpenCV 4
    refuses a Slice that goes backwards, and tract fails on it, unless these would fill the file.
    """
    if e.portable and count <= MOST_GREATEST and has_exact_indices(x, axis):
        return last_greatest(e, x, count, axis)
    if count == 1:
        return None, e.Cast(e.ArgMax(x, axis=axis, select_last_index=1), to=FLOAT)
    last = x.fixed(axis) - 1
    if last < _MOST_INDICES:
        reverse = e.Gather(x, [*range(last, -1, -1)], axis=axis)
    else:
        reverse = e.Slice(x, [last], [-(last + 2)], [axis], [-1])
    values, indices = e.op("TopK", reverse, [count], outputs=2, axis=axis)
    return values, e.Cast(e.Sub(last, indices), to=FLOAT)
