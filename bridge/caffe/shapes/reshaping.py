"""Shapes of the layers that move, concatenate, split or reduce values."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import (
    DYNAMIC,
    SOME,
    LayerShapes,
    axis_of,
    fields_of,
    parameters,
    require,
    shape,
    text,
)
from bridge.caffe.sharing import OVERWRITTEN


@shape("Split", tops=SOME)
def split(layer: Layer, x: Shape) -> LayerShapes:
    """x: any shape  ->  the same, for each top. Source: src/caffe/layers/split_layer.cpp."""
    return LayerShapes((x,) * len(layer.tops))


@shape(OVERWRITTEN, bottoms=2)
def overwritten(_: Layer, old: Shape, __: Shape) -> LayerShapes:
    """Two blobs that share memory  ->  the second in the shape of the first (caffe/sharing.py)."""
    return LayerShapes((old,))


@shape("Silence", bottoms=SOME, tops=0)
def silence(_: Layer, *__: Shape) -> LayerShapes:
    """Has no tops. Source: src/caffe/layers/silence_layer.cpp."""
    return LayerShapes(())


# ---- concatenating and splitting -------------------------------------------------------------


def _axis(layer: Layer, message: str, old: str, x: Shape) -> int:
    """The axis of Concat or Slice. Its field also has an older name; one of the two may be set."""
    fields = fields_of(layer, message)
    both = "axis" in fields and old in fields
    require(not both, layer, f"axis and {old} are both set", "one of the two")
    return axis_of(layer, fields.get(old, parameters(layer, message).axis), x)


@shape("Concat", bottoms=SOME)
def concat(layer: Layer, x: Shape, *rest: Shape) -> LayerShapes:
    """x, ...: equal except in one axis  ->  concatenated.

    Source: src/caffe/layers/concat_layer.cpp.
    """
    axis = _axis(layer, "concat_param", "concat_dim", x)
    around = (x[:axis], x[axis + 1 :])
    for other in rest:
        fits = len(other) == len(x) and (other[:axis], other[axis + 1 :]) == around
        require(fits, layer, f"its inputs differ in more than axis {axis}", text(x), text(other))
    total = x[axis] + sum(other[axis] for other in rest)
    return LayerShapes(((*x[:axis], total, *x[axis + 1 :]),))


@shape("Slice", tops=SOME)
def slice_(layer: Layer, x: Shape) -> LayerShapes:
    """x: any shape  ->  split along one axis, evenly or at `slice_point`.

    Source: src/caffe/layers/slice_layer.cpp.
    """
    axis = _axis(layer, "slice_param", "slice_dim", x)
    points = parameters(layer, "slice_param").slice_point
    count = len(layer.tops)
    if points:
        fits = len(points) == count - 1
        require(fits, layer, "slice_point does not match its tops", count - 1, len(points))
        sizes = [end - start for start, end in pairwise((0, *points, x[axis]))]
    else:
        even = x[axis] % count == 0
        require(even, layer, f"axis {axis} does not divide into {count} tops", text(x), count)
        sizes = [x[axis] // count] * count
    require(min(sizes) > 0, layer, "slice_point must increase within the axis", text(x), points)
    return LayerShapes(tuple((*x[:axis], size, *x[axis + 1 :]) for size in sizes))


@shape("Tile")
def tile(layer: Layer, x: Shape) -> LayerShapes:
    """x: any shape  ->  one axis repeated `tiles` times. Source: tile_layer.cpp."""
    p = parameters(layer, "tile_param")
    require(p.tiles > 0, layer, "tiles must be positive", "> 0", p.tiles)
    axis = axis_of(layer, p.axis, x)
    return LayerShapes(((*x[:axis], x[axis] * p.tiles, *x[axis + 1 :]),))


@shape("Crop", bottoms=2)
def crop(layer: Layer, x: Shape, reference: Shape) -> LayerShapes:
    """x, reference: equal ranks  ->  x with the reference's sizes from `axis` on.

    Source: src/caffe/layers/crop_layer.cpp.
    """
    p = parameters(layer, "crop_param")
    axis = axis_of(layer, p.axis, x)
    require(len(reference) == len(x), layer, "its inputs differ in rank", text(x), text(reference))
    count = len(x) - axis
    require(
        len(p.offset) in (0, 1, count),
        layer,
        "offset does not match the axes",
        f"1 or {count}",
        p.offset,
    )
    offsets = p.offset * count if len(p.offset) == 1 else p.offset or [0] * count
    for size, wanted, offset in zip(x[axis:], reference[axis:], offsets, strict=True):
        fits = offset + wanted <= size
        require(
            fits,
            layer,
            "the crop extends beyond the input",
            text(x),
            f"{text(reference)} at {offset}",
        )
    return LayerShapes(((*x[:axis], *reference[axis:]),))


@shape("AutoCrop", bottoms=2)
def auto_crop(layer: Layer, x: Shape, reference: Shape) -> LayerShapes:
    """x: n c h w, reference: m d H W  ->  n c H W.

    Source: crop_layer.cpp of longjon/caffe's FCN branch, auto_crop_layer.cpp of yun-liu/RCF.
    """
    for value in (x, reference):
        require(len(value) == 4, layer, "its inputs need 4 axes", "n c h w", text(value))
    fits = all(wanted <= size for size, wanted in zip(x[2:], reference[2:], strict=True))
    require(fits, layer, "the crop extends beyond the input", text(x), text(reference))
    return LayerShapes(((*x[:2], *reference[2:]),))


# ---- permuting and reshaping -----------------------------------------------------------------


@shape("Permute")
def permute(layer: Layer, x: Shape) -> LayerShapes:
    """x: any shape  ->  its axes permuted; those not named follow in their order.

    Source: the SSD branch's permute_layer.cpp.
    """
    order = parameters(layer, "permute_param").order
    fits = len(set(order)) == len(order) and all(axis < len(x) for axis in order)
    require(fits, layer, "order does not name each axis once", f"axes of {text(x)}", order)
    rest = [axis for axis in range(len(x)) if axis not in order]
    return LayerShapes((tuple(x[axis] for axis in (*order, *rest)),))


@shape("Transpose")
def transpose(layer: Layer, x: Shape) -> LayerShapes:
    """x: any shape  ->  its axes permuted. Source: transpose_layer.cpp of the OCR forks."""
    order = parameters(layer, "transpose_param").dim
    fits = sorted(order) == list(range(len(x)))
    require(fits, layer, "dim does not name each axis once", f"axes of {text(x)}", order)
    return LayerShapes((tuple(x[axis] for axis in order),))


@shape("Reverse")
def reverse(layer: Layer, x: Shape) -> LayerShapes:
    """x: any shape  ->  the same, one axis reversed. Source: reverse_layer.cpp of forks."""
    axis_of(layer, parameters(layer, "reverse_param").axis, x)
    return LayerShapes((x,))


@shape("Flip")
def flip(layer: Layer, x: Shape) -> LayerShapes:
    """x: n c h w  ->  the same, rows or columns reversed.

    Source: flip_layer.cpp of happynear's fork, whose defaults are unknown: the text must set both.
    """
    require(len(x) == 4, layer, "Flip needs 4 axes", "n c h w", text(x))
    fields = fields_of(layer, "flip_param").keys()
    wanted = "flip_width and flip_height, each true or false"
    require(
        {"flip_width", "flip_height"} <= fields,
        layer,
        "it does not say which axes to flip",
        wanted,
        ", ".join(fields) or "neither",
    )
    return LayerShapes((x,))


@shape("ShuffleChannel")
def shuffle_channel(layer: Layer, x: Shape) -> LayerShapes:
    """x: n c ...  ->  the same. Source: shuffle_channel_layer.cpp of the forks."""
    group = parameters(layer, "shuffle_channel_param").group
    fits = len(x) >= 2 and group > 0 and x[1] % group == 0
    require(fits, layer, f"channels do not divide into {group} groups", text(x), group)
    return LayerShapes((x,))


@shape("Unsqueeze")
def unsqueeze(layer: Layer, x: Shape) -> LayerShapes:
    """x: any shape  ->  one more axis, of size 1, before axis `dim`; negative ones count from the
    end of the new shape. Source: unsqueeze.cpp of inisis's fork.
    """
    require("dim" in fields_of(layer, "unsqueeze_param"), layer, "dim is missing", "an axis")
    dim = parameters(layer, "unsqueeze_param").dim
    require(-len(x) - 1 <= dim <= len(x), layer, "no such axis", text(x), dim)
    position = dim % (len(x) + 1)
    return LayerShapes(((*x[:position], 1, *x[position:]),))


@shape("PixelShuffle")
def pixel_shuffle(layer: Layer, x: Shape) -> LayerShapes:
    """x: n (c r r) h w  ->  n c (h r) (w r). Source: pixelshuffle_layer.cpp of inisis's fork."""
    require(len(x) == 4, layer, "its input needs 4 axes", "n c h w", text(x))
    factor = parameters(layer, "pixelshuffle_param").upscale_factor
    fits = factor > 0 and x[1] % factor**2 == 0
    require(fits, layer, "its channels are not a multiple of the squared factor", text(x), factor)
    return LayerShapes(((x[0], x[1] // factor**2, x[2] * factor, x[3] * factor),))


@shape("Flatten")
def flatten(layer: Layer, x: Shape) -> LayerShapes:
    """x: a ... b  ->  axes `axis` to `end_axis` merged into one. Source: flatten_layer.cpp."""
    p = parameters(layer, "flatten_param")
    start, end = axis_of(layer, p.axis, x), axis_of(layer, p.end_axis, x)
    return LayerShapes(((*x[:start], prod(x[start : end + 1]), *x[end + 1 :]),))


@shape("Reshape")
def reshape(layer: Layer, x: Shape) -> LayerShapes:
    """x: any shape  ->  axes from `axis`, `num_axes` of them, replaced by the dims of `shape`.

    0 keeps the input's dim, -1 is inferred. Source: src/caffe/layers/reshape_layer.cpp.
    """
    p = parameters(layer, "reshape_param")
    start = axis_of(layer, p.axis, x, extra=1)
    require(p.num_axes >= -1, layer, "num_axes must be -1 or more", ">= -1", p.num_axes)
    end = len(x) if p.num_axes == -1 else start + p.num_axes
    require(end <= len(x), layer, "it reshapes axes that the input lacks", text(x), end)
    wanted = p.shape.get("dim", []) if p.shape else []
    top = (*x[:start], *_dims(layer, wanted, x, start), *x[end:])
    if -1 in top:
        rest = -prod(top)
        divides = rest > 0 and prod(x) % rest == 0
        require(divides, layer, "the -1 dim would not be a whole number", text(x), text(top))
        top = tuple(prod(x) // rest if dim == -1 else dim for dim in top)
    require(prod(top) == prod(x), layer, "the number of values changes", text(x), text(top))
    return LayerShapes((top,))


def _dims(layer: Layer, wanted: Sequence[int], x: Shape, start: int) -> Shape:
    require(list(wanted).count(-1) <= 1, layer, "more than one dim is -1", "at most one", wanted)
    for i, dim in enumerate(wanted):
        has_axis = dim != 0 or start + i < len(x)
        require(has_axis, layer, "a 0 dim has no input axis", text(x), wanted)
    return tuple(dim or x[start + i] for i, dim in enumerate(wanted))


# ---- reducing and selecting ------------------------------------------------------------------


@shape("Reduction")
def reduction(layer: Layer, x: Shape) -> LayerShapes:
    """x: a ... b ...  ->  a ..., all axes from `axis` on reduced. Source: reduction_layer.cpp."""
    return LayerShapes((x[: axis_of(layer, parameters(layer, "reduction_param").axis, x)],))


@shape("ArgMax")
def arg_max(layer: Layer, x: Shape) -> LayerShapes:
    """x: n ...  ->  n 1 top_k 1 ..., with values n 2 top_k 1 ...; with `axis`, that axis is top_k.

    Source: src/caffe/layers/argmax_layer.cpp.
    """
    p = parameters(layer, "argmax_param")
    along = fields_of(layer, "argmax_param").get("axis")
    axis = 1 if along is None else axis_of(layer, along, x)
    most = prod(x[1:]) if along is None else x[axis]
    fits = 1 <= p.top_k <= most
    require(fits, layer, "top_k is out of range", f"1 to {most}", p.top_k)
    if along is not None:
        return LayerShapes(((*x[:axis], p.top_k, *x[axis + 1 :]),))
    return LayerShapes(((x[0], 1 + p.out_max_val, p.top_k, *(1 for _ in x[3:])),))


@shape("BatchReindex", bottoms=2)
def batch_reindex(layer: Layer, x: Shape, indices: Shape) -> LayerShapes:
    """x: n ..., indices: m  ->  m .... Source: src/caffe/layers/batch_reindex_layer.cpp."""
    require(len(indices) == 1, layer, "its indices need one axis", "m", text(indices))
    return LayerShapes(((*indices, *x[1:]),))


@shape("Filter", bottoms=(2, None), tops=SOME)
def filter_(layer: Layer, *bottoms: Shape) -> LayerShapes:
    """x: n ..., selector: n  ->  the items of x where the selector is not 0, a dynamic number.

    Source: src/caffe/layers/filter_layer.cpp.
    """
    *values, selector = bottoms
    fits = len(values) == len(layer.tops)
    require(fits, layer, "each bottom but the selector needs a top", len(values), len(layer.tops))
    for x in values:
        require(x[0] == selector[0], layer, "the selector does not fit", x[0], selector[0])
    return LayerShapes(tuple((DYNAMIC, *x[1:]) for x in values))
