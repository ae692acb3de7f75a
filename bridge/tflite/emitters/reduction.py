"""Reductions along axes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from bridge.tflite.building import axes_of, axis_of, expanded, refuse_axes
from bridge.tflite.graph import Graph, NotWrittenError, Tensor
from bridge.tflite.schema import DTYPES
from bridge.tflite.table import Results, writes

Axes = int | Sequence[int] | None

# For each function the operator, and the dtypes of which it is the same.
_REDUCERS = {
    "all": ("REDUCE_ALL", ("bool",)),
    "any": ("REDUCE_ANY", ("bool",)),
    "max": ("REDUCE_MAX", ("float32", "int32")),
    "mean": ("MEAN", ("float32",)),
    "min": ("REDUCE_MIN", ("float32", "int32")),
    "prod": ("REDUCE_PROD", ("float32",)),
    "sum": ("SUM", ("float32", "int32")),
}


def reduced(g: Graph, code: str, x: Tensor, axes: Iterable[int], keepdims: bool) -> Tensor:
    axes = [*axes]
    if not axes:
        return x
    refuse_axes(x)
    shape = tuple(
        1 if axis in axes else size
        for axis, size in enumerate(x.shape)
        if keepdims or axis not in axes
    )
    return g.op(code, x, g.constant(axes), shape=shape, keep_dims=bool(keepdims))


def _reducer(code: str, dtypes: Sequence[str]) -> Callable[..., Results]:
    def emit(g: Graph, x: Tensor, axis: Axes = None, keepdims: bool = False) -> Tensor:
        if x.dtype not in dtypes:
            raise NotWrittenError(f"{code} of {x.dtype}")
        return reduced(g, code, x, axes_of(axis, x.rank), keepdims)

    return emit


for _name, (_code, _dtypes) in _REDUCERS.items():
    writes(f"ops.{_name}")(_reducer(_code, _dtypes))


@writes("ops.cumsum")
def cumsum(g: Graph, x: Tensor, axis: int | None = None) -> Tensor:
    if axis is None or x.dtype not in ("float32", "int32"):
        raise NotWrittenError(f"a cumulative sum of {x.dtype}, along axis {axis}")
    return g.op("CUMSUM", x, g.constant(axis_of(axis, x.rank)), shape=x.shape)


@writes("ops.argmax")
def argmax(g: Graph, x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    return _index(g, "ARG_MAX", x, axis, keepdims)


@writes("ops.argmin")
def argmin(g: Graph, x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    return _index(g, "ARG_MIN", x, axis, keepdims)


def _index(g: Graph, code: str, x: Tensor, axis: int | None, keepdims: bool) -> Tensor:
    if axis is None or x.dtype != "float32":
        raise NotWrittenError(f"{code} of {x.dtype}, along axis {axis}")
    axis = axis_of(axis, x.rank)
    shape = tuple(size for i, size in enumerate(x.shape) if i != axis)
    result = g.op(
        code, x, g.constant(axis), shape=shape, dtype="int32", output_type=DTYPES["int32"]
    )
    return expanded(g, result, axis) if keepdims else result


@writes("ops.top_k", implied="sorted")
def top_k(g: Graph, x: Tensor, k: int) -> Sequence[Tensor]:
    shape = (*x.shape[:-1], k)
    if x.dtype != "float32":
        raise NotWrittenError(f"the largest of {x.dtype}")
    return g.ops("TOPK_V2", [x, g.constant(k)], [(shape, x.dtype), (shape, "int32")])
