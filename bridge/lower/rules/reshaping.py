"""Layers that permute, slice, concatenate and reshape.

Formulas: flatten_layer.cpp, reshape_layer.cpp, concat_layer.cpp, slice_layer.cpp, crop_layer.cpp,
tile_layer.cpp, batch_reindex_layer.cpp, filter_layer.cpp; permute_layer.cpp of Caffe's SSD branch;
ShuffleChannel, Transpose and Reverse of the forks; pixelshuffle_layer.cpp and unsqueeze.cpp
of inisis's
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bridge.caffe.net import Layer
from bridge.caffe.sharing import OVERWRITTEN
from bridge.errors import ShapeError
from bridge.lower.emitter import Emitter
from bridge.lower.rules.arithmetic import MOST_PIECES, backwards, gathered, looked_up
from bridge.lower.rules.detection.boxes import selected
from bridge.lower.table import layer
from bridge.lower.values import INT64, Value


@layer("Flatten", params="flatten_param")
def flatten(e: Emitter, layer: Layer, x: Value, *, axis: int = 1, end_axis: int = -1) -> Value:
    """x: *p … *q → *p k *q, the axes from `axis` to `end_axis` merged into one"""
    if axis % x.rank == 1 and end_axis % x.rank == x.rank - 1 > 1:
        return e.Flatten(x, axis=1)
    return e.reshape(x, e.tops[0])


@layer("Reshape", params="reshape_param")
def reshape(
    e: Emitter,
    layer: Layer,
    x: Value,
    *,
    shape: Mapping[str, Sequence[int]] | None = None,
    axis: int = 0,
    num_axes: int = -1,
) -> Value:
    """The same numbers in the same order; 0 and -1 are already resolved in Caffe's shape."""
    return e.reshape(x, e.tops[0])


@layer(OVERWRITTEN)
def overwritten(e: Emitter, layer: Layer, old: Value, new: Value) -> Value:
    """The values that a layer wrote in place into another blob's memory, in that blob's shape."""
    return e.reshape(new, e.tops[0])


@layer("Concat", params="concat_param")
def concat(
    e: Emitter, layer: Layer, *bottoms: Value, axis: int = 1, concat_dim: int | None = None
) -> Value:
    """The bottoms, concatenated along an axis (in old files called concat_dim)."""
    if e.portable and len(bottoms) == 1:
        return bottoms[0]
    return e.Concat(*bottoms, axis=axis if concat_dim is None else concat_dim)


@layer("Slice", params="slice_param")
def slice_(
    e: Emitter,
    layer: Layer,
    x: Value,
    *,
    axis: int = 1,
    slice_dim: int | None = None,
    slice_point: Sequence[int] = (),
) -> tuple[Value, ...]:
    """x, split along an axis (in old files called slice_dim) at `slice_point` or evenly."""
    axis = (axis if slice_dim is None else slice_dim) % x.rank
    if len(e.tops) == 1:
        return (x,)
    sizes = [e.top_size(axis, i) for i in range(len(e.tops))]
    return e.op("Split", x, sizes, outputs=len(sizes), axis=axis)


@layer("Split")
def split(e: Emitter, layer: Layer, x: Value) -> tuple[Value, ...]:
    """x, once for each top"""
    return (x,) * len(layer.tops)


@layer("Permute", params="permute_param")
def permute(e: Emitter, layer: Layer, x: Value, *, order: Sequence[int] = ()) -> Value:
    """x with its axes permuted; those not in `order` follow in their own order."""
    order = [*order, *(axis for axis in range(x.rank) if axis not in order)]
    return x if order == sorted(order) else e.Transpose(x, perm=order)


@layer("Transpose", params="transpose_param")
def transpose(e: Emitter, layer: Layer, x: Value, *, dim: Sequence[int] = ()) -> Value:
    """x with its axes permuted, all of them named; from the OCR forks."""
    return e.Transpose(x, perm=list(dim))


@layer("Reverse", params="reverse_param")
def reverse(e: Emitter, layer: Layer, x: Value, *, axis: int = 0) -> Value:
    """x, reversed along an axis; from the OCR forks."""
    size = x.shape[axis]
    if e.portable and isinstance(size, int) and size <= MOST_PIECES:
        return backwards(e, x, axis % x.rank)
    with e.dynamic():
        return e.declared(e.Slice(x, [-1], [-(2**31)], [axis], [-1]), x.shape)


@layer("Flip", params="flip_param")
def flip(e: Emitter, layer: Layer, x: Value, *, flip_width: bool, flip_height: bool) -> Value:
    """x: n c h w, with rows, columns or both reversed; from happynear's fork."""
    axes = [axis for axis, is_flipped in ((2, flip_height), (3, flip_width)) if is_flipped]
    count = len(axes)
    if not axes:
        return x
    if e.portable and all(isinstance(x.shape[axis], int) for axis in axes):
        for axis in axes:
            x = gathered(e, x, np.arange(x.fixed(axis))[::-1], axis)
        return x
    with e.dynamic():
        flipped = e.Slice(x, [-1] * count, [-(2**31)] * count, axes, [-1] * count)
        return e.declared(flipped, x.shape)


@layer("Crop", "AutoCrop", params="crop_param")
def crop(
    e: Emitter, layer: Layer, x: Value, like: Value, *, axis: int = 2, offset: Sequence[int] = ()
) -> Value:
    """x, cropped from `axis` on to the size of `like`; one offset for all these axes, or one each.

    AutoCrop computes its offset (`bridge.lower.rules.spatial.autocrop`).
    """
    axes = range(axis % x.rank, x.rank)
    offsets = list(offset) or [0]
    starts = offsets * len(axes) if len(offsets) == 1 else offsets
    if any(isinstance(size, str) for size in e.tops[0][axes[0] :]):
        return _crop_to_open_size(e, x, like, axes, starts)
    crops = {
        i: (start, start + e.top_size(i))
        for i, start in zip(axes, starts, strict=True)
        if e.tops[0][i] != x.shape[i]
    }
    if not crops:
        return x
    if any(end > x.fixed(i) for i, (_, end) in crops.items()):
        raise ShapeError(
            "the crop extends beyond the input",
            where=layer,
            expected=x.shape,
            received=f"{like.shape} at {starts}",
        )
    return e.Slice(x, [a for a, _ in crops.values()], [b for _, b in crops.values()], list(crops))


def _crop_to_open_size(
    e: Emitter, x: Value, like: Value, axes: Sequence[int], starts: Sequence[int]
) -> Value:
    """The same for open sizes: `like` determines the size when the model runs."""
    sizes = e.Slice(e.Shape(like), [axes[0]], [axes[-1] + 1])
    return e.Slice(x, list(starts), e.Add(sizes, tuple(starts)), list(axes))


@layer("Tile", params="tile_param")
def tile(e: Emitter, layer: Layer, x: Value, *, axis: int = 1, tiles: int = 1) -> Value:
    """x, repeated `tiles` times along an axis"""
    repeats = [1] * x.rank
    repeats[axis] = tiles
    with e.dynamic():
        few = 1 < tiles <= _MOST_COPIES
        repeated = e.Concat(*[x] * tiles, axis=axis) if few else e.Tile(x, repeats)
        return e.declared(repeated, e.tops[0])


# Each is an input of a Concat, as ncnn has no Tile.
_MOST_COPIES = 16


@layer("BatchReindex")
def batch_reindex(e: Emitter, layer: Layer, x: Value, order: Value) -> Value:
    """x[order]    x: n *s    order: m (integers as floats) → m *s"""
    if e.portable and isinstance(x.shape[0], int) and x.rank > 1:
        rows = looked_up(e, e.Flatten(x, axis=1), e.reshape(order, (e.tops[0][0],)))
        return e.reshape(rows, e.tops[0])
    return e.Gather(x, e.Cast(order, to=INT64), axis=0)


@layer("Filter")
def filter_(e: Emitter, layer: Layer, *bottoms: Value) -> tuple[Value, ...]:
    """The samples whose selector, the last bottom, is not 0: a dynamic number of them."""
    *samples, selector = bottoms
    selector = e.Reshape(selector, [-1])
    return tuple(selected(e, x, selector) for x in samples)


@layer("ShuffleChannel", params="shuffle_channel_param")
def shuffle_channel(e: Emitter, layer: Layer, x: Value, *, group: int = 1) -> Value:
    """x: n (g c) h w → n (c g) h w"""
    batch, *rest = x.shape
    channels = x.fixed(1) // group
    split = e.reshape(x, (batch, group, channels, *rest[1:]))
    swapped = e.Transpose(split, perm=[0, 2, 1, *range(3, split.rank)])
    return e.reshape(swapped, x.shape)


@layer("PixelShuffle", params="pixelshuffle_param")
def pixel_shuffle(e: Emitter, layer: Layer, x: Value, *, upscale_factor: int) -> Value:
    """x: n (c r r) h w → n c (h r) (w r)"""
    return e.DepthToSpace(x, blocksize=upscale_factor, mode="CRD")


@layer("Unsqueeze", params="unsqueeze_param")
def unsqueeze(e: Emitter, layer: Layer, x: Value, *, dim: int) -> Value:
    """x with one more axis, of size 1"""
    return e.Unsqueeze(x, [dim % (x.rank + 1)])
