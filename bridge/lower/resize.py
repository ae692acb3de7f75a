"""Layers that make maps larger or smaller.

Formulas: interp_layer.cpp of the DeepLab and PSPNet forks, upsample_layer.cpp of the SegNet and
the YOLO forks; https://onnx.ai/onnx/operators/onnx__Resize.html
"""

from __future__ import annotations

import numpy as np

from bridge.caffe.net import Layer
from bridge.errors import UnsupportedLayerError
from bridge.lower.emitter import INT64, Emitter, Value
from bridge.lower.table import layer


@layer("Interp", params="interp_param")
def interp(
    e: Emitter, layer: Layer, x: Value, *, pad_beg: int = 0, pad_end: int = 0, **sizes: object
) -> Value:
    """x: n c h w → n c h' w', bilinear, the corners' centres staying in the corners

    Negative pads cut the edges off first.
    """
    if pad_beg or pad_end:
        ends = [x.fixed(2) + pad_end, x.fixed(3) + pad_end]
        x = e.Slice(x, [-pad_beg, -pad_beg], ends, [2, 3])
    return _resized(e, x, mode="linear", coordinate_transformation_mode="align_corners")


@layer("Upsample", params="upsample_param")
def upsample(
    e: Emitter, layer: Layer, x: Value, mask: Value | None = None, **sizes: object
) -> Value:
    """x: n c h w → n c h' w': each number repeated; or, with the mask of a MAX pooling, put back
    to the place where it was the greatest, with 0 all round (SegNet)"""
    if mask is not None:
        return _unpooled(e, x, mask)
    if any(int(e.tops[0][i]) % x.fixed(i) for i in (2, 3)):
        raise UnsupportedLayerError(
            "numbers can be repeated a whole number of times only",
            where=layer,
            received=f"{x.shape} to {e.tops[0]}",
        )
    return _resized(
        e,
        x,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def _resized(e: Emitter, x: Value, **how: str) -> Value:
    if e.tops[0] == x.shape:
        return x
    scales = [1.0, 1.0, *(_scale(x.fixed(i), int(e.tops[0][i])) for i in (2, 3))]
    with e.dynamic():
        return e.declared(e.Resize(x, None, np.array(scales, np.float32), **how), e.tops[0])


def _scale(size: int, wanted: int) -> np.float32:
    """A factor that ⌊size · factor⌋ makes `wanted` of, in float32 and in float64.

    ONNX computes the size so; with align_corners it is all that the factor is used for.
    """
    scale = np.float32(wanted / size)
    while min(int(np.float32(size) * scale), int(size * float(scale))) < wanted:
        scale = np.nextafter(scale, np.float32(np.inf))
    return scale


def _unpooled(e: Emitter, x: Value, mask: Value) -> Value:
    """x, mask: n c h w → n c h' w'    mask: places h' · w' of each channel's plane, as floats"""
    _, channels, height, width = e.tops[0]
    plane = int(height) * int(width)
    rows = x.fixed(2) * x.fixed(3)
    flat = (x.shape[0], x.fixed(1), rows)
    places = e.Cast(e.reshape(mask, flat), to=INT64)
    numbers = e.reshape(x, flat)
    nothing = e.Mul(e.reduce("ReduceMax", numbers, [2]), 0.0)
    with e.dynamic():
        canvas = e.declared(e.Tile(nothing, [1, 1, plane]), (*flat[:2], plane))
    spread = e.ScatterElements(canvas, places, numbers, axis=2)
    return e.reshape(spread, (x.shape[0], channels, height, width))
