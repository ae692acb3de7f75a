"""Which of the numbers are taken, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bridge.layout import Weight
from bridge.tflite.building import LARGE, axes_of, axis_of, refuse_axes, size_of
from bridge.tflite.emitters.elementwise import binary, cast, where
from bridge.tflite.graph import Graph, NotWrittenError, Tensor
from bridge.tflite.table import writes
from bridge.tflite.windows import sides_of
from bridge.types import Array

_LARGE_SLICE = 4  # version
_INDICES = ("int32", "int64")


class _Side(NamedTuple):
    """What is taken along an axis: from `begin` to `end`, or from and to where it ends itself."""

    begin: int
    end: int
    step: int
    size: int | None
    opens: bool = False
    closes: bool = False
    is_index: bool = False


_WHOLE = slice(None)


@writes("ops.get_item")
def get_item(g: Graph, x: Tensor, key: Any) -> Tensor:
    """By numbers, and by slices of numbers."""
    refuse_axes(x)
    keys = [*key] if isinstance(key, (list, tuple)) else [key]
    if any(one is Ellipsis for one in keys):
        at = next(i for i, one in enumerate(keys) if one is Ellipsis)
        keys[at : at + 1] = [_WHOLE] * (x.rank - len(keys) + 1)
    keys += [_WHOLE] * (x.rank - len(keys))
    if len(keys) > x.rank:
        raise NotWrittenError("an axis that is new")
    sides = [_side(one, size) for one, size in zip(keys, x.shape, strict=True)]
    if all(side.opens and side.closes for side in sides):
        return x
    ends = ([s.begin for s in sides], [s.end for s in sides], [s.step for s in sides])
    return g.op(
        "STRIDED_SLICE",
        x,
        *map(g.constant, ends),
        shape=tuple(side.size for side in sides if not side.is_index),
        version=_LARGE_SLICE if x.rank > LARGE else 1,
        begin_mask=_mask(side.opens for side in sides),
        end_mask=_mask(side.closes for side in sides),
        shrink_axis_mask=_mask(side.is_index for side in sides),
    )


def _mask(bits: Any) -> int:
    return sum(bit << axis for axis, bit in enumerate(bits))


def _side(key: Any, size: int | None) -> _Side:
    if isinstance(key, slice):
        return _sliced(key, size)
    if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
        if key < 0 and size is None:
            raise NotWrittenError("an index from the end of an axis whose size is free")
        index = int(key) if size is None else axis_of(int(key), size)
        return _Side(index, index + 1, 1, None, is_index=True)
    raise NotWrittenError("an index that is computed")


def _sliced(key: slice, size: int | None) -> _Side:
    if key == _WHOLE:
        return _Side(0, 0, 1, size, opens=True, closes=True)
    ends = (key.start, key.stop, key.step)
    if size is None or any(end is not None and not isinstance(end, int) for end in ends):
        raise NotWrittenError("a slice whose size is free, or is computed")
    begin, end, step = key.indices(size)
    return _Side(begin, max(end, 0), step, len(range(begin, end, step)), closes=end < 0)


@writes(*(f"layers.Cropping{rank}D" for rank in (1, 2, 3)))
def crop(g: Graph, x: Tensor, *, cropping: Any) -> Tensor:
    pairs = sides_of(cropping, x.rank - 2)
    return get_item(g, x, [_WHOLE, *(slice(first, -last or None) for first, last in pairs)])


@writes("ops.flip")
def flip(g: Graph, x: Tensor, axis: int | Sequence[int] | None = None) -> Tensor:
    """An axis at a time: LiteRT takes several only if they lie together."""
    for entry in axes_of(axis, x.rank):
        x = g.op("REVERSE_V2", x, g.constant([entry]), shape=x.shape)
    return x


@writes("ops.take")
def take(g: Graph, x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """Indices below 0 count from the end."""
    if axis is None or not isinstance(x, Tensor):
        raise NotWrittenError("taking from an array, or from all axes")
    axis = axis_of(axis, x.rank)
    index = _indices(g, x, axis, indices)
    shape = (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])
    return g.op("GATHER", x, index, shape=shape, dtype=x.dtype, axis=axis)


def _indices(g: Graph, x: Tensor, axis: int, indices: Any) -> Tensor:
    if not isinstance(indices, Tensor):
        array = np.asarray(indices.array() if isinstance(indices, Weight) else indices)
        return g.constant(_from_the_start(array, x.shape[axis]))
    if indices.dtype not in _INDICES:
        raise NotWrittenError(f"indices of {indices.dtype}")
    size = x.shape[axis]
    length = cast(g, size_of(g, x, axis), indices.dtype) if size is None else size
    is_negative = binary(g, "LESS", indices, 0, dtype="bool", dtypes=_INDICES)
    from_the_end = binary(g, "ADD", indices, length, dtypes=_INDICES)
    return where(g, is_negative, from_the_end, indices)


def _from_the_start(indices: Array, size: int | None) -> Array:
    is_negative = indices < 0
    if indices.dtype.kind not in "iu" or (size is None and is_negative.any()):
        raise NotWrittenError(f"indices {indices.dtype}, of an axis of size {size}")
    result: Array = indices + is_negative * (size or 0)
    if size is not None and ((result < 0) | (result >= size)).any():
        raise NotWrittenError(f"indices beyond an axis of size {size}")
    return result


@writes("ops.zeros_like")
def zeros_like(g: Graph, x: Tensor, dtype: str | None = None) -> Tensor:
    if x.dtype not in ("float32", *_INDICES):
        raise NotWrittenError(f"zeros like {x.dtype}")
    return cast(g, g.op("ZEROS_LIKE", x, shape=x.shape), dtype or x.dtype)


@writes("ops.ones_like")
def ones_like(g: Graph, x: Tensor, dtype: str | None = None) -> Tensor:
    return binary(g, "ADD", zeros_like(g, x, dtype), 1)
