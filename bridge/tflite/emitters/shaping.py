"""Shapes, and tensors that are put together or taken apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

from bridge.tflite.building import (
    axes_of,
    axis_of,
    expanded,
    inferred,
    operand,
    permuted,
    reshaped,
    squeezed,
)
from bridge.tflite.graph import Dims, Graph, NotWrittenError, Tensor
from bridge.tflite.table import writes


@writes("layers.Identity", "layers.Dropout", implied="rate seed")
def identity(_: Graph, x: Tensor) -> Tensor:
    """Dropout drops in training alone."""
    return x


# ---- shapes ----------------------------------------------------------------------------------


@writes("layers.Reshape")
def reshape_layer(g: Graph, x: Tensor, *, target_shape: Sequence[int]) -> Tensor:
    """The batch stays as it is."""
    rest = inferred(Tensor("", x.shape[1:], x.dtype), target_shape)
    return reshaped(g, x, (x.shape[0], *rest))


@writes("layers.Flatten")
def flatten(g: Graph, x: Tensor) -> Tensor:
    rest = None if None in x.shape[1:] else prod(int(size or 0) for size in x.shape[1:])
    return reshaped(g, x, (x.shape[0], rest))


@writes("ops.reshape")
def reshape(g: Graph, x: Tensor, newshape: Sequence[Any]) -> Tensor:
    if not all(isinstance(size, int) for size in newshape):
        raise NotWrittenError("a shape that is computed")
    return reshaped(g, x, inferred(x, newshape))


@writes("ops.expand_dims")
def expand_dims(g: Graph, x: Tensor, axis: int | Sequence[int]) -> Tensor:
    axes = [axis] if isinstance(axis, int) else axis
    rank = x.rank + len(axes)
    for entry in axes_of(axes, rank):
        x = expanded(g, x, entry)
    return x


@writes("ops.squeeze")
def squeeze(g: Graph, x: Tensor, axis: int | Sequence[int] | None = None) -> Tensor:
    if axis is None:
        raise NotWrittenError("squeezing whatever has size 1")
    return squeezed(g, x, axes_of(axis, x.rank))


@writes("layers.Permute")
def permute(g: Graph, x: Tensor, *, dims: Sequence[int]) -> Tensor:
    return permuted(g, x, [0, *dims])


@writes("ops.transpose")
def transpose(g: Graph, x: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    return permuted(g, x, [*reversed(range(x.rank))] if axes is None else axes)


# ---- putting together and taking apart -------------------------------------------------------


@writes("layers.Concatenate")
def concatenate_layer(g: Graph, tensors: Sequence[Any], *, axis: int = -1) -> Tensor:
    return concatenate(g, tensors, axis)


@writes("ops.concatenate")
def concatenate(g: Graph, xs: Sequence[Any], axis: int = 0) -> Tensor:
    dtype = next((t.dtype for t in xs if isinstance(t, Tensor)), "")
    parts = [operand(g, tensor, dtype) for tensor in xs]
    if len(parts) == 1:
        return parts[0]
    axis = axis_of(axis, parts[0].rank)
    sizes = [part.shape[axis] for part in parts]
    total = None if None in sizes else sum(int(size or 0) for size in sizes)
    shape = tuple(total if i == axis else s for i, s in enumerate(parts[0].shape))
    return g.op("CONCATENATION", *parts, shape=shape, axis=axis)


@writes("ops.tile")
def tile(g: Graph, x: Tensor, repeats: Sequence[int]) -> Tensor:
    if len(repeats) != x.rank or not all(isinstance(times, int) for times in repeats):
        raise NotWrittenError(f"{x.rank} axes repeated {repeats} times")
    shape = tuple(s and s * times for s, times in zip(x.shape, repeats, strict=True))
    return g.op("TILE", x, g.constant([*repeats]), shape=shape)


@writes("ops.stack")
def stack(g: Graph, x: Sequence[Tensor], axis: int = 0) -> Tensor:
    first = x[0]
    parts = [operand(g, tensor, first.dtype) for tensor in x]
    axis = axis_of(axis, first.rank + 1)
    shape = (*first.shape[:axis], len(parts), *first.shape[axis:])
    return g.op("PACK", *parts, shape=shape, values_count=len(parts), axis=axis)


@writes("ops.split")
def split(
    g: Graph, x: Tensor, indices_or_sections: int | Sequence[int], axis: int = 0
) -> Sequence[Tensor]:
    axis = axis_of(axis, x.rank)
    size, at = x.shape[axis], indices_or_sections
    if size is None:
        raise NotWrittenError("a split of an axis whose size is free")
    if isinstance(at, int):
        shapes = [_with_size(x.shape, axis, size // at)] * at
        inputs = [g.constant(axis), x]
        return g.ops("SPLIT", inputs, [(shape, x.dtype) for shape in shapes], num_splits=at)
    bounds = [0, *map(int, at), size]
    sizes = [end - start for start, end in pairwise(bounds)]
    results = [(_with_size(x.shape, axis, part), x.dtype) for part in sizes]
    inputs = [x, g.constant(sizes), g.constant(axis)]
    return g.ops("SPLIT_V", inputs, results, num_splits=len(sizes))


def _with_size(shape: Dims, axis: int, size: int) -> Dims:
    return (*shape[:axis], size, *shape[axis + 1 :])
