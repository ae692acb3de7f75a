"""Layers that resize feature maps.

Formulas: interp_layer.cpp of the DeepLab and PSPNet forks and of yangguorun/SegStereo, with its
util/interp.cpp; upsample_layer.cpp of the SegNet and the YOLO forks and of Wulingtian/yolov5_caffe;
unpooling_layer.cpp of DeconvNet's, resize_layer.cpp and util_img.cpp of happynear's,
maxunpool_layer.cpp and bilinear_interpolate_layer.cpp of inisis's;
https://onnx.ai/onnx/operators/onnx__Resize.html, onnx__Gather.html
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bridge.caffe.net import Layer
from bridge.caffe.shapes.spatial.pool import resizes_by_mode
from bridge.errors import GraphError, UnsupportedLayerError
from bridge.lower.emitter import Emitter
from bridge.lower.rules.arithmetic import gathered
from bridge.lower.table import layer
from bridge.lower.values import INT64, Value
from bridge.types import Array


@layer("Interp", params="interp_param")
def interp(
    e: Emitter,
    layer: Layer,
    x: Value,
    like: Value | None = None,
    *,
    pad_beg: int = 0,
    pad_end: int = 0,
    mode: str = "LINEAR",
    interp_type: str = "bilinear",
    **sizes: object,
) -> Value:
    """x: n c h w → n c h' w', bilinear, with aligned corners

    Or the nearest such position (`interp_type`). Negative pads crop first.
    """
    if pad_beg or pad_end:
        ends = [x.fixed(2) + pad_end, x.fixed(3) + pad_end]
        x = e.Slice(x, [-pad_beg, -pad_beg], ends, [2, 3])
    if (mode, interp_type) == ("LINEAR", "bilinear"):
        return _resized(e, x, mode="linear", coordinate_transformation_mode="align_corners")
    if (mode, interp_type) == ("LINEAR", "nearest_neighbor"):
        return _gathered(e, x, [_nearest_aligned(x.fixed(i), e.top_size(i)) for i in (2, 3)])
    if (mode, interp_type) == ("NEAREST", "bilinear"):
        return _unambiguous_nearest(e, layer, x)
    raise UnsupportedLayerError(
        "Interp has no such mode",
        where=layer,
        expected="mode LINEAR or NEAREST, interp_type bilinear or nearest_neighbor",
        received=f"mode {mode}, interp_type {interp_type}",
    )


def _unambiguous_nearest(e: Emitter, layer: Layer, x: Value) -> Value:
    """The nearest position, if aligned corners and the ratio of the sizes agree on it."""
    sizes = [(x.fixed(i), e.top_size(i)) for i in (2, 3)]
    by_ratio = [_nearest_by_ratio(*size) for size in sizes]
    by_corners = [_nearest_aligned(*size) for size in sizes]
    if not all(map(np.array_equal, by_ratio, by_corners)):
        raise UnsupportedLayerError(
            "at these sizes mode NEAREST is ambiguous: two positions may be meant",
            where=layer,
            expected="a map twice as high and wide, or of the same size",
            received=f"{x.shape} to {e.tops[0]}",
            hint="interp_type: 'nearest_neighbor' aligns corners; an Upsample layer with height, "
            "width and mode: NEAREST goes by the ratio of the sizes",
        )
    return _gathered(e, x, by_ratio)


@layer("Upsample", params="upsample_param")
def upsample(
    e: Emitter, layer: Layer, x: Value, mask: Value | None = None, **sizes: object
) -> Value:
    """x: n c h w → n c h' w': each number repeated; or, with the mask of a MAX pooling, put back
    where it was the maximum, with 0 elsewhere (SegNet); or, by its `mode`, resized to any size,
    bilinear or nearest (the forks for nets from ONNX)"""
    if resizes_by_mode(layer):
        return _resized_by_mode(e, layer, x)
    if mask is not None:
        return _unpooled(e, x, mask)
    if any(isinstance(size, str) for size in e.tops[0][2:]):
        return _repeated_open(e, layer, x)
    if any(e.top_size(i) % x.fixed(i) for i in (2, 3)):
        raise UnsupportedLayerError(
            "numbers can only be repeated a whole number of times",
            where=layer,
            received=f"{x.shape} to {e.tops[0]}",
        )
    return repeated(e, x)


def _repeated_open(e: Emitter, layer: Layer, x: Value) -> Value:
    """The same for open sizes, by the factors in the text."""
    fields = layer.params.get("upsample_param", {})
    if fields.keys() & {"upsample_h", "upsample_w", "pad_out_h", "pad_out_w"}:
        raise GraphError("the text sets a fixed size, not a factor", where=layer)
    both = fields.get("scale", 2)
    factors = [float(fields.get("scale_h", both)), float(fields.get("scale_w", both))]
    scales = np.array([1.0, 1.0, *factors], np.float32)
    return e.declared(e.Resize(x, None, scales, **_REPEATING), e.tops[0])


def _resized_by_mode(e: Emitter, layer: Layer, x: Value) -> Value:
    mode = layer.params["upsample_param"].get("mode")
    if mode == "BILINEAR":
        return _resized(e, x, mode="linear", coordinate_transformation_mode="align_corners")
    if mode != "NEAREST":
        raise UnsupportedLayerError(
            "it does not say how it resizes, and forks have different defaults",
            where=layer,
            expected="mode: NEAREST or mode: BILINEAR in its upsample_param",
            received=mode,
        )
    return _gathered(e, x, [_nearest_by_ratio(x.fixed(i), e.top_size(i)) for i in (2, 3)])


@layer("Unpooling", "UnPooling", params="unpooling_param")
def unpooling(
    e: Emitter,
    layer: Layer,
    x: Value,
    mask: Value | None = None,
    *,
    unpool: str = "MAX",
    **windows: object,
) -> Value:
    """x, mask: n c h w → n c h' w': each number put back where it was the maximum"""
    if unpool != "MAX" or mask is None:
        raise UnsupportedLayerError(
            "unpooling without a mask is not supported",
            where=layer,
            expected="unpool MAX, and the mask of a MAX pooling as second bottom",
            received=f"unpool {unpool}, {len(layer.bottoms)} bottoms",
        )
    return _unpooled(e, x, mask)


@layer("MaxUnPool", params="max_unpool_param")
def max_unpool(e: Emitter, layer: Layer, x: Value, mask: Value, **sizes: object) -> Value:
    """x, mask: n c h w → n c h' w': each number put back where it was the maximum"""
    return _unpooled(e, x, mask)


@layer("BilinearInterpolate", params="bilinear_interpolate_param")
def bilinear_interpolate(
    e: Emitter, layer: Layer, x: Value, *, align_corners: bool = True, **sizes: object
) -> Value:
    """x: n c h w → n c h' w', bilinear, with aligned corners or half-pixel centres"""
    mode = "align_corners" if align_corners else "half_pixel"
    return _resized(e, x, mode="linear", coordinate_transformation_mode=mode)


@layer("Resize", params="resize_param")
def resize(
    e: Emitter,
    layer: Layer,
    x: Value,
    *,
    is_pyramid_test: bool = False,
    **sizes: object,
) -> Value:
    """x: n c h w → n c h' w', bilinear: position i' samples the point i' · h/h' of x

    Beyond the last position x counts as 0.
    """
    return resized_by(e, x, *(_zero_padded(x.fixed(i), e.top_size(i)) for i in (2, 3)))


def _zero_padded(size: int, wanted: int) -> Array:
    """→ wanted size: the weight of each position, by its distance to the sampled point"""
    points = np.arange(wanted, dtype=np.float32) * (np.float32(size) / np.float32(wanted))
    distances = np.abs(points[:, None] - np.arange(size, dtype=np.float32))
    weights: Array = np.maximum(1 - distances, 0)
    return weights


def resized_by(e: Emitter, x: Value, down: Array, across: Array) -> Value:
    """x: n c h w, down: h' h, across: w' w → n c h' w': down · x · acrossᵀ"""
    rows = e.MatMul(e.constant(down, "down"), x)
    return e.MatMul(rows, e.constant(np.ascontiguousarray(across.T), "across"))


def _nearest_by_ratio(size: int, wanted: int) -> NDArray[np.int64]:
    """→ wanted: ⌊i · size / wanted⌋"""
    return np.arange(wanted, dtype=np.int64) * size // wanted


def _nearest_aligned(size: int, wanted: int) -> NDArray[np.int64]:
    """→ wanted: ⌊i · (size - 1) / (wanted - 1) + ½⌋, or unchanged if both are equal"""
    step = np.float32(size - 1) / np.float32(max(wanted - 1, 1))
    points = np.arange(wanted, dtype=np.float32) * step
    return np.floor(points.astype(np.float64) + 0.5).astype(np.int64)


def _gathered(e: Emitter, x: Value, positions: list[NDArray[np.int64]]) -> Value:
    """x: n c h w → n c h' w': x at these positions of the height and of the width"""
    sizes = [x.fixed(2), x.fixed(3)]
    repeats = [
        np.repeat(np.arange(n), -(-len(own) // n)) for n, own in zip(sizes, positions, strict=True)
    ]
    if all(map(np.array_equal, positions, repeats)):
        return repeated(e, x)
    for axis, indices in enumerate(positions, 2):
        x = gathered(e, x, indices, axis)
    return x


def repeated(e: Emitter, x: Value) -> Value:
    """x: n c h w → n c (h a) (w b): each number repeated"""
    return _resized(e, x, **_REPEATING)


_REPEATING = {
    "mode": "nearest",
    "coordinate_transformation_mode": "asymmetric",
    "nearest_mode": "floor",
}


def _resized(e: Emitter, x: Value, **how: str) -> Value:
    if e.tops[0] == x.shape:
        return x
    scales = [1.0, 1.0, *(_scale(x.fixed(i), e.top_size(i)) for i in (2, 3))]
    with e.dynamic():
        return e.declared(e.Resize(x, None, np.array(scales, np.float32), **how), e.tops[0])


def _scale(size: int, wanted: int) -> np.float32:
    """A factor for which ⌊size · factor⌋ is `wanted`, in float32 and in float64.

    ONNX computes the size this way; with align_corners the factor has no other use.
    """
    scale = np.float32(wanted / size)
    while min(int(np.float32(size) * scale), int(size * float(scale))) < wanted:
        scale = np.nextafter(scale, np.float32(np.inf))
    return scale


def _unpooled(e: Emitter, x: Value, mask: Value) -> Value:
    """x, mask: n c h w → n c h' w'    mask: indices in each channel's h' · w' plane, as floats"""
    _, channels, height, width = e.tops[0]
    plane = int(height) * int(width)
    rows = x.fixed(2) * x.fixed(3)
    flat = (x.shape[0], x.fixed(1), rows)
    indices = e.Cast(e.reshape(mask, flat), to=INT64)
    numbers = e.reshape(x, flat)
    zero = e.Mul(e.reduce("ReduceMax", numbers, [2]), 0.0)
    with e.dynamic():
        canvas = e.declared(e.Tile(zero, [1, 1, plane]), (*flat[:2], plane))
    scattered = e.ScatterElements(canvas, indices, numbers, axis=2)
    return e.reshape(scattered, (x.shape[0], channels, height, width))
