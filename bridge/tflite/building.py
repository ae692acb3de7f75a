"""What emitters are written with: operands, shapes, and operators that change neither numbers."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from bridge.layout import Weight
from bridge.tflite.graph import Dims, Graph, NotWrittenError, Tensor
from bridge.tflite.schema import DTYPES

# The most axes that LiteRT's kernels take, where that is few.
MOST_AXES = 5
LARGE = 4  # from this many axes on later versions of an operator are needed


# ---- operands --------------------------------------------------------------------------------


def operand(g: Graph, value: Any, dtype: str) -> Tensor:
    """A tensor of this dtype: a number of Python's takes on any, as in Keras."""
    if isinstance(value, Weight):
        value = g.weight("constant", value)
    if isinstance(value, (np.ndarray, np.generic)):
        value = g.constant(value, value.dtype.name)
    if not isinstance(value, Tensor):
        if isinstance(value, bool) or (dtype != "float32" and not isinstance(value, int)):
            raise NotWrittenError(f"{value!r} beside a tensor of {dtype}")
        value = g.constant(value, dtype)
    tensor: Tensor = value
    if tensor.dtype != dtype:
        raise NotWrittenError(f"tensors of {dtype} and {tensor.dtype}")
    return tensor


def operands(g: Graph, *values: Any) -> list[Tensor]:
    """Tensors of one dtype, of which one at least is computed."""
    kinds = [value.dtype for value in values if isinstance(value, Tensor)]
    if not kinds:
        raise NotWrittenError("constants alone")
    return [operand(g, value, kinds[0]) for value in values]


def broadcast(one: Dims, other: Dims) -> Dims:
    """The shape of both together."""
    rank = max(len(one), len(other))
    pairs = zip(_padded(one, rank), _padded(other, rank), strict=True)
    return tuple(_together(a, b) for a, b in pairs)


def _padded(shape: Dims, rank: int) -> Dims:
    return (1,) * (rank - len(shape)) + shape


def _together(one: int | None, other: int | None) -> int | None:
    if one == other or other == 1:
        return one
    if one == 1 or one is None:
        return other
    if other is None:
        return one
    raise NotWrittenError(f"sizes of {one} and {other} together")


def axis_of(axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise NotWrittenError(f"axis {axis} of {rank}")
    return axis % rank


def axes_of(axis: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """All of them for None."""
    if axis is None:
        return tuple(range(rank))
    listed = [axis] if isinstance(axis, int) else axis
    return tuple(sorted({axis_of(entry, rank) for entry in listed}))


def refuse_axes(tensor: Tensor, most: int = MOST_AXES) -> None:
    """Raises NotWrittenError for more axes than LiteRT's kernel of an operator takes."""
    if tensor.rank > most:
        raise NotWrittenError(f"{tensor.rank} axes, where LiteRT takes {most}")


# ---- shapes ----------------------------------------------------------------------------------


def reshaped(g: Graph, x: Tensor, shape: Dims) -> Tensor:
    """At most one size may be free."""
    if shape == x.shape:
        return x
    if shape.count(None) > 1:
        raise NotWrittenError("a shape of which several sizes are free")
    sizes = [-1 if size is None else size for size in shape]
    return g.op("RESHAPE", x, g.constant(sizes), shape=shape)


def inferred(x: Tensor, shape: Sequence[int | None]) -> Dims:
    """A new shape of a tensor's elements, in which -1 stands for the size that is left."""
    sizes = tuple(None if size in (-1, None) else int(size or 0) for size in shape)
    if None in x.shape or sizes.count(None) != 1:
        return sizes
    rest = prod(size for size in x.shape if size is not None)
    known = prod(size for size in sizes if size is not None)
    return tuple(rest // known if size is None else size for size in sizes)


def permuted(g: Graph, x: Tensor, order: Sequence[int]) -> Tensor:
    if [*order] == [*range(x.rank)]:
        return x
    refuse_axes(x)
    shape = tuple(x.shape[axis] for axis in order)
    version = 4 if x.rank > LARGE else 1
    return g.op("TRANSPOSE", x, g.constant([*order]), shape=shape, version=version)


def expanded(g: Graph, x: Tensor, axis: int) -> Tensor:
    """With an axis of size 1 before this one."""
    shape = (*x.shape[:axis], 1, *x.shape[axis:])
    return g.op("EXPAND_DIMS", x, g.constant(axis), shape=shape)


def squeezed(g: Graph, x: Tensor, axes: Sequence[int]) -> Tensor:
    """Without these axes, whose size is 1."""
    if any(x.shape[axis] != 1 for axis in axes):
        raise NotWrittenError("squeezing an axis whose size is not 1")
    shape = tuple(size for axis, size in enumerate(x.shape) if axis not in axes)
    return g.op("SQUEEZE", x, shape=shape, squeeze_dims=[*axes])


def shape_of(g: Graph, x: Tensor, sizes: Dims) -> Tensor:
    """The sizes as a tensor, of which those that are free are those of `x` on the same axis."""
    if None not in sizes:
        return g.constant([*sizes])
    entries = [
        size_of(g, x, axis) if size is None else g.constant(size) for axis, size in enumerate(sizes)
    ]
    shape = (len(entries),)
    return g.op("PACK", *entries, shape=shape, values_count=len(entries), axis=0)


def size_of(g: Graph, x: Tensor, axis: int) -> Tensor:
    """A size that is free, as a number."""
    sizes = g.op("SHAPE", x, shape=(x.rank,), dtype="int32", out_type=DTYPES["int32"])
    ends = (g.constant([number]) for number in (axis, axis + 1, 1))
    return g.op("STRIDED_SLICE", sizes, *ends, shape=(), shrink_axis_mask=1)
