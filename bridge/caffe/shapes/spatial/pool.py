"""Shapes of pooling, and of the layers that resize."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, prod
from typing import Any, NamedTuple

import numpy as np

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.spatial.conv import dilation, positive, spatial
from bridge.caffe.shapes.table import LayerShapes, fields_of, parameters, require, shape, text


def _four(layer: Layer, x: Shape) -> None:
    require(len(x) == 4, layer, f"{layer.type} needs 4 axes", "n c h w", text(x))


def pooled(
    sizes: Shape,
    kernel: Shape,
    stride: Shape,
    pad: Shape,
    *,
    floor: bool = False,
    by_axis: bool = False,
) -> Shape:
    """Sizes after pooling, rounded up. If any axis (with `by_axis`, the axis itself) is padded, a
    window that would start after the input and its leading padding is dropped."""
    counts = [
        (size + 2 * q - k + (0 if floor else s - 1)) // s + 1
        for size, k, s, q in zip(sizes, kernel, stride, pad, strict=True)
    ]
    drops = [q > 0 if by_axis else any(pad) for q in pad]
    return tuple(
        count - (drop and (count - 1) * s >= size + q)
        for count, drop, size, s, q in zip(counts, drops, sizes, stride, pad, strict=True)
    )


def rounds_down(layer: Layer) -> bool:
    """Whether a pooling's sizes round down: `round_mode: FLOOR`, or other fields in forks.

    `ceil_mode: false` is from brocolli's Caffe and OpenVINO, `torch_pooling` from TensorRT.
    """
    fields = fields_of(layer, "pooling_param")
    flags = {fields["round_mode"] == "FLOOR"} if "round_mode" in fields else set()
    flags |= {not fields["ceil_mode"]} if "ceil_mode" in fields else set()
    flags |= {True} if fields.get("torch_pooling") else set()
    require(len(flags) < 2, layer, "its fields say to round both up and down", "one of the two")
    return True in flags


@shape("Pooling", tops=(1, 2))
def pooling(layer: Layer, x: Shape) -> LayerShapes:
    """x: n c h w  ->  n c ph pw, and for MAX a mask of the same shape as a second top.

    Source: src/caffe/layers/pooling_layer.cpp; `dilation` and sizes for each axis are
    from naibaf7's fork, where each axis drops its last window by itself; n c d h w is from forks.
    """
    require(len(x) in (4, 5), layer, "Pooling needs 4 or 5 axes", "n c h w", text(x))
    p = parameters(layer, "pooling_param")
    require(p.pool == "MAX" or len(layer.tops) == 1, layer, "only MAX pooling has a mask", 1, 2)
    kernel, stride, pad, dilations = windows(layer, x[2:])
    extents = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    by_axis = bool(p.dilation) or max(map(len, (p.kernel_size, p.stride, p.pad))) > 1
    floor = rounds_down(layer)
    sizes = pooled(x[2:], extents, stride, pad, floor=floor, by_axis=by_axis)
    return LayerShapes(((*x[:2], *positive(layer, sizes, x)),) * len(layer.tops))


class Windows(NamedTuple):
    """The windows of a pooling, for each spatial axis."""

    kernel: Shape
    stride: Shape
    pad: Shape
    dilation: Shape


def windows(layer: Layer, sizes: Sequence[Any]) -> Windows:
    """The windows over spatial axes of these sizes, which only a global pooling needs to know."""
    message, rank = "pooling_param", len(sizes)
    stride = spatial(layer, message, "stride", rank, 1)
    pad = spatial(layer, message, "pad", rank, 0)
    require(min(stride) > 0, layer, "stride must be positive", "> 0", text(stride))
    if parameters(layer, message).global_pooling:
        kernel = _whole_map(layer, sizes, stride, pad)
    else:
        kernel = spatial(layer, message, "kernel", rank, None)
        require(min(kernel) > 0, layer, "the kernel must be positive", "> 0", text(kernel))
        narrow = all(q < k for q, k in zip(pad, kernel, strict=True))
        require(narrow, layer, "the pad is as large as the kernel", f"< {text(kernel)}", text(pad))
    apart = dilation(layer, message, rank)
    require(min(apart) > 0, layer, "dilation must be positive", "> 0", text(apart))
    return Windows(kernel, stride, pad, apart)


def _whole_map(layer: Layer, sizes: Sequence[Any], stride: Shape, pad: Shape) -> Shape:
    """The kernel of a global pooling."""
    sized = {"kernel_size", "kernel_h", "kernel_w"} & fields_of(layer, "pooling_param").keys()
    require(not sized, layer, "global_pooling is set together with a kernel size", "one of the two")
    plain = set(stride) == {1} and not any(pad)
    require(plain, layer, "global_pooling is set together with a stride or pad", "neither")
    return tuple(sizes)


def bin_windows(size: int, bins: int) -> tuple[int, int]:
    """Kernel, which is the stride too, and pad of as many bins of one size along an axis."""
    kernel = ceil(size / bins)
    return kernel, (kernel * bins - size + 1) // 2


@shape("SPP")
def spatial_pyramid(layer: Layer, x: Shape) -> LayerShapes:
    """x: n c h w  ->  n (all levels' bins); a single level stays n c 1 1.

    Level i has 2^i bins per side. Source: src/caffe/layers/spp_layer.cpp.
    """
    _four(layer, x)
    height = parameters(layer, "spp_param").pyramid_height
    require(height > 0, layer, "pyramid_height must be positive", "> 0", height)
    levels = [_level(layer, x, 2**i) for i in range(height)]
    if height == 1:
        return LayerShapes(((*x[:2], *levels[0]),))
    return LayerShapes(((x[0], x[1] * sum(map(prod, levels))),))


def _level(layer: Layer, x: Shape, bins: int) -> Shape:
    kernel, pad = zip(*(bin_windows(size, bins) for size in x[2:]), strict=True)
    narrow = all(q < k for q, k in zip(pad, kernel, strict=True))
    require(narrow, layer, f"its input is too small for {bins} bins", None, text(x))
    return pooled(x[2:], kernel, kernel, pad)


# ---- resizing --------------------------------------------------------------------------------


@shape("Upsample", bottoms=(1, 2))
def upsample(layer: Layer, x: Shape, mask: Shape | None = None) -> LayerShapes:
    """x: n c h w, and for unpooling a mask of its shape  ->  n c H W.

    Source: upsample_layer.cpp of SegNet's fork (two bottoms), of others (one), and of the forks for
    nets from ONNX (see `resizes_by_mode`), whose second bottom gives the height and width.
    """
    _four(layer, x)
    if resizes_by_mode(layer):
        return LayerShapes(((*x[:2], *positive(layer, _resized_by_mode(layer, x, mask), x)),))
    if mask is not None:
        require(mask == x, layer, "its mask does not fit", text(x), text(mask))
    p, fields = parameters(layer, "upsample_param"), fields_of(layer, "upsample_param")
    sized = bool(p.upsample_h and p.upsample_w)
    by_axis = fields.keys() & {"scale_h", "scale_w"}
    clear = sized or not by_axis or (len(by_axis) == 2 and "scale" not in fields)
    require(
        clear, layer, "its factors are set twice, or incomplete", "scale, or scale_h and scale_w"
    )
    factors = (p.scale_h or p.scale, p.scale_w or p.scale)
    cuts = (p.pad_out_h, p.pad_out_w)
    sizes = [size * f - cut for size, f, cut in zip(x[2:], factors, cuts, strict=True)]
    if sized:
        sizes = [p.upsample_h, p.upsample_w]
    return LayerShapes(((*x[:2], *positive(layer, sizes, x)),))


_SIZES_BY_MODE = {"height", "width", "height_scale", "width_scale"}


def resizes_by_mode(layer: Layer) -> bool:
    """Whether an Upsample layer, by its fields, is the one from the forks for nets from ONNX.

    Source: upsample_layer.cpp of Wulingtian/yolov5_caffe.
    """
    return not fields_of(layer, "upsample_param").keys().isdisjoint({*_SIZES_BY_MODE, "mode"})


def _resized_by_mode(layer: Layer, x: Shape, like: Shape | None) -> Sequence[int]:
    fields = fields_of(layer, "upsample_param")
    others = fields.keys() - _SIZES_BY_MODE - {"mode"}
    require(not others, layer, "it mixes the fields of two forks", "height_scale ...", others)
    if like is not None:
        require(len(like) == 4, layer, "its second input needs 4 axes", "n c h w", text(like))
        return like[2:]
    if "height" in fields and "width" in fields:
        return fields["height"], fields["width"]
    scaled = "height_scale" in fields and "width_scale" in fields
    require(scaled, layer, "no size is set", "height and width, or height_scale and width_scale")
    return whole_sizes(layer, x, fields["height_scale"], fields["width_scale"])


def whole_sizes(layer: Layer, x: Shape, down: float, across: float) -> Sequence[int]:
    """The height and width of x, times these factors. Errors: ShapeError unless they are whole."""
    sizes = [size * factor for size, factor in zip(x[2:], (down, across), strict=True)]
    whole = all(size == int(size) for size in sizes)
    require(whole, layer, "its factors do not give whole sizes", text(x[2:]), (down, across))
    return [int(size) for size in sizes]


@shape("Unpooling", "UnPooling", bottoms=(1, 2))
def unpooling(layer: Layer, x: Shape, mask: Shape | None = None) -> LayerShapes:
    """x: n c h w, and for MAX a mask of its shape  ->  n c H W.

    Source: unpooling_layer.cpp of DeconvNet's fork.
    """
    _four(layer, x)
    if mask is not None:
        require(mask == x, layer, "its mask does not fit", text(x), text(mask))
    p = parameters(layer, "unpooling_param")
    sizes = (p.unpool_h or p.unpool_size, p.unpool_w or p.unpool_size)
    require(min(sizes) > 0, layer, "no size is set", "unpool_size, or unpool_h and unpool_w")
    return LayerShapes(((*x[:2], *sizes),))


@shape("MaxUnPool", bottoms=2)
def max_unpool(layer: Layer, x: Shape, mask: Shape) -> LayerShapes:
    """x, mask: n c h w  ->  n c H W. Source: maxunpool_layer.cpp of inisis's fork."""
    _four(layer, x)
    require(mask == x, layer, "its mask does not fit", text(x), text(mask))
    p = parameters(layer, "max_unpool_param")
    require(min(p.dst_h, p.dst_w) > 0, layer, "no size is set", "dst_h and dst_w")
    return LayerShapes(((*x[:2], p.dst_h, p.dst_w),))


@shape("BilinearInterpolate")
def bilinear_interpolate(layer: Layer, x: Shape) -> LayerShapes:
    """x: n c h w  ->  n c H W: `dst_h` and `dst_w`, or times `scale_factor`.

    Source: bilinear_interpolate_layer.cpp of inisis's fork.
    """
    _four(layer, x)
    p, fields = parameters(layer, "bilinear_interpolate_param"), fields_of(layer, _BILINEAR)
    sized, scaled = {"dst_h", "dst_w"} & fields.keys(), "scale_factor" in fields
    require(
        bool(sized) != scaled, layer, "no size is set, or two are", "dst_h and dst_w, or a scale"
    )
    if scaled:
        sizes = [int(np.float32(size) * np.float32(p.scale_factor)) for size in x[2:]]
    else:
        sizes = [fields.get("dst_h", x[2]), fields.get("dst_w", x[3])]
    # A single position has no two corners to align: Caffe divides by 0.
    least = 2 if p.align_corners else 1
    require(
        min(sizes) >= least, layer, "its size is too small", f"{least} or more", text(tuple(sizes))
    )
    return LayerShapes(((*x[:2], *sizes),))


_BILINEAR = "bilinear_interpolate_param"


@shape("Resize")
def resize(layer: Layer, x: Shape) -> LayerShapes:
    """x: n c h w  ->  n c H W: sizes, or for pyramids scales.

    Source: resize_layer.cpp of happynear's fork. It keeps the size of the first input that it saw.
    """
    _four(layer, x)
    p = parameters(layer, "resize_param")
    sizes = [p.height, p.width]
    if p.is_pyramid_test:
        scales = (p.out_height_scale, p.out_width_scale)
        sizes = [int(scale * size) for scale, size in zip(scales, x[2:], strict=True)]
    wanted = "height and width, or for a pyramid test out_height_scale and out_width_scale"
    require(min(sizes) > 0, layer, "no size is set", wanted)
    return LayerShapes(((*x[:2], *sizes),))


@shape("Interp", bottoms=(1, 2))
def interp(layer: Layer, x: Shape, like: Shape | None = None) -> LayerShapes:
    """x: n c h w  ->  n c H W, the size of a second bottom or the one that is set.

    Source: interp_layer.cpp of DeepLab's fork, of yangguorun/SegStereo (two bottoms, `interp_type`)
    and of Synopsys's (`full_zoom_factor`).
    """
    _four(layer, x)
    p, fields = parameters(layer, "interp_param"), fields_of(layer, "interp_param")
    trimmed = p.pad_beg <= 0 and p.pad_end <= 0
    require(trimmed, layer, "pad_beg and pad_end must not be positive", "<= 0")
    both = "mode" in fields and "interp_type" in fields
    require(not both, layer, "mode and interp_type are both set", "one of the two")
    sizes: Sequence[int] = [size + p.pad_beg + p.pad_end for size in x[2:]]
    positive(layer, sizes, x)
    if like is None:
        sizes = _interpolated(layer, p, sizes)
    else:
        named = fields.keys() & _INTERP_SIZES
        require(
            not named, layer, "a second bottom also determines the size", "one of the two", named
        )
        require(len(like) == 4, layer, "its second input needs 4 axes", "n c h w", text(like))
        sizes = like[2:]
    return LayerShapes(((*x[:2], *positive(layer, sizes, x)),))


_INTERP_SIZES = {"height", "width", "zoom_factor", "shrink_factor", "full_zoom_factor"}


def _interpolated(layer: Layer, p: Any, sizes: Sequence[int]) -> list[int]:
    """Sizes after shrinking, then zooming, or else `height` and `width`."""
    fields = fields_of(layer, "interp_param")
    factors = "shrink_factor" in fields or "zoom_factor" in fields
    fixed = "height" in fields and "width" in fields
    if "full_zoom_factor" in fields and not factors and not fixed:
        return [size * p.full_zoom_factor for size in sizes]
    require(factors or fixed, layer, "no size is set", "height and width, or a factor")
    both = "shrink_factor" in fields and "zoom_factor" in fields
    if fixed and (both or not factors):
        return [p.height, p.width]
    require(min(p.shrink_factor, p.zoom_factor) >= 1, layer, "a factor is below 1", ">= 1")
    shrunk = [(size - 1) // p.shrink_factor + 1 for size in sizes]
    return [size + (size - 1) * (p.zoom_factor - 1) for size in shrunk]
