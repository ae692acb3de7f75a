"""Layers of FlowNet and similar nets, which compare and warp feature maps.

Formulas: correlation_layer.cu, correlation_layer1d.cu, flow_warp_layer.cpp, channel_norm_layer.cu
and resample_layer.cu of FlowNet2; https://onnx.ai/onnx/operators/onnx__GridSample.html
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bridge.caffe.net import Layer
from bridge.errors import UnsupportedLayerError
from bridge.lower.emitter import Emitter
from bridge.lower.rules.spatial.resize import repeated, resized_by
from bridge.lower.table import layer
from bridge.lower.values import BOOL, FLOAT, Value
from bridge.types import Array


@layer("Correlation", "Correlation1D", params="correlation_param")
def correlation(
    e: Emitter,
    layer: Layer,
    x: Value,
    y: Value,
    *,
    kernel_size: int,
    max_displacement: int,
    pad: int = 0,
    stride_1: int = 1,
    stride_2: int = 1,
    correlation_type: str = "MULTIPLY",
    do_abs: bool = False,
    single_direction: int = 0,
) -> Value:
    """x, y: n c h w → n (q q) h' w', in 1D n q h' w': correlation of windows with displaced ones

    The mean of x · y, or of |x - y|, over the window and all channels; q vertical displacements,
    multiples of stride_2, and q horizontal ones. Correlation1D: only horizontal ones, and with
    single_direction 1 only to the right.
    """
    is_1d = layer.type == "Correlation1D"
    _refuse(layer, do_abs, min(single_direction, 0) if is_1d else single_direction)
    count = max_displacement // stride_2
    moves = [i * stride_2 for i in range(0 if single_direction else -count, count + 1)]
    pads = [0, 0, 0 if is_1d else pad, pad] * 2
    x, y = (e.Pad(value, pads, np.float32(0)) for value in (x, y))
    border = 0 if is_1d else max_displacement
    windows = _Windows(e, x, kernel_size, stride_1, border, max_displacement)
    return windows.compared(x, y, [0] if is_1d else moves, moves, correlation_type)


def _refuse(layer: Layer, do_abs: bool, single_direction: int) -> None:
    if do_abs or single_direction:
        raise UnsupportedLayerError(
            "FlowNet2's own layer does this wrongly",
            where=layer,
            expected="do_abs false; single_direction 0, or 1 for Correlation1D",
            received=f"do_abs {do_abs}, single_direction {single_direction}",
        )


class _Windows:
    """Windows of x from (top, left) on, as many as fit for every displacement."""

    def __init__(self, e: Emitter, x: Value, kernel: int, stride: int, top: int, left: int) -> None:
        self.e, self.kernel, self.stride = e, kernel, stride
        self.top, self.left = top, left
        rows, columns = x.fixed(2) - 2 * top - kernel, x.fixed(3) - 2 * left - kernel
        self.rows, self.columns = (size // stride * stride + kernel for size in (rows, columns))

    def compared(
        self, x: Value, y: Value, down: Sequence[int], across: Sequence[int], how: str
    ) -> Value:
        """x, y: n c H W → n (down across) h' w'"""
        e = self.e
        own = e.Unsqueeze(self._rows(x, 0), [3])
        own = e.Slice(own, [self.left], [self.left + self.columns], [4])  # n c rows 1 columns
        columns = self.left + np.add.outer(np.array(across), np.arange(self.columns))
        maps = []
        for move in down:
            others = e.Gather(self._rows(y, move), columns, axis=3)  # n c rows across columns
            compared = e.Mul(own, others) if how == "MULTIPLY" else e.Abs(e.Sub(own, others))
            mean = e.reduce("ReduceMean", compared, [1], keepdims=False)
            maps.append(e.Transpose(mean, perm=[0, 2, 1, 3]))
        means = maps[0] if len(maps) == 1 else e.Concat(*maps, axis=1)
        if (self.kernel, self.stride) == (1, 1):
            return means
        return e.AveragePool(means, kernel_shape=[self.kernel] * 2, strides=[self.stride] * 2)

    def _rows(self, x: Value, move: int) -> Value:
        start = self.top + move
        return self.e.Slice(x, [start], [start + self.rows], [2])


@layer("FlowWarp", params="flow_warp_param")
def flow_warp(
    e: Emitter, layer: Layer, x: Value, flow: Value, *, fill_value: str = "ZERO"
) -> Value:
    """x: n c h w, flow: n 2 h w (horizontal, vertical) → n c h w: x sampled where the flow points

    Bilinear between positions; 0, or NaN, where the flow points outside.
    """
    rows, columns = x.fixed(2), x.fixed(3)
    sizes = np.array([columns, rows], np.float32)
    start = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).astype(np.float32)
    target = e.Add(e.Transpose(flow, perm=[0, 2, 3, 1]), start)  # n h w 2
    is_inside = e.And(e.GreaterOrEqual(target, 0.0), e.Less(target, sizes))
    is_inside = e.reduce("ReduceMin", e.Cast(is_inside, to=FLOAT), [3], keepdims=False)
    grid = e.Sub(e.Mul(target, 2 / np.maximum(sizes - 1, 1)), 1.0)
    sampled = e.GridSample(x, grid, align_corners=1, padding_mode="border")
    fill = np.float32(0 if fill_value == "ZERO" else np.nan)
    return e.Where(e.Cast(e.Unsqueeze(is_inside, [1]), to=BOOL), sampled, fill)


@layer("ChannelNorm")
def channel_norm(e: Emitter, layer: Layer, x: Value) -> Value:
    """√ ∑ x² over the channels    x: n c h w → n 1 h w"""
    return e.Sqrt(e.sum(e.Mul(x, x), [1]))


@layer("Resample", params="resample_param")
def resample(
    e: Emitter,
    layer: Layer,
    x: Value,
    like: Value | None = None,
    *,
    type: str = "LINEAR",
    antialias: bool = True,
    factor: float | None = None,
    **sizes: object,
) -> Value:
    """x: n c h w → n c h' w': a mean of the positions around, weighted by distance

    For a smaller map the distances are scaled (`antialias`), so that all positions contribute.
    """
    if factor is not None:
        return _repeated(e, layer, x, type, factor)
    pairs = [(x.fixed(i), e.top_size(i)) for i in (2, 3)]
    scales = [np.float32(size) / np.float32(count) for size, count in pairs]
    smooth = antialias and max(scales) > 1
    # The layer centres rows by the columns' scale, and vice versa.
    shifts = [scale / np.float32(2) - np.float32(0.5) for scale in reversed(scales)]
    weights = []
    for (size, count), scale, shift in zip(pairs, scales, shifts, strict=True):
        centres = np.arange(count, dtype=np.float32) * scale + shift
        weights.append(_weights(layer, type, centres, size, scale if smooth else np.float32(1)))
    return resized_by(e, x, *weights)


def _repeated(e: Emitter, layer: Layer, x: Value, type_: str, factor: float) -> Value:
    if type_ != "NEAREST" or factor != int(factor):
        raise UnsupportedLayerError(
            "implementations differ in what such a factor means",
            where=layer,
            expected="type NEAREST and an integer factor; or height and width instead",
            received=f"type {type_}, factor {factor}",
        )
    return repeated(e, x)


def _weights(layer: Layer, type_: str, centres: Array, size: int, scale: np.float32) -> Array:
    """→ wanted size: the weight of each position for each centre; the sum is 1"""
    positions = np.arange(size, dtype=np.float32)
    if type_ == "NEAREST":
        nearest = np.sign(centres) * np.floor(np.abs(centres) + np.float32(0.5))
        if nearest.min() < 0 or nearest.max() >= size:
            raise UnsupportedLayerError(
                "FlowNet2's own layer reads outside the map here",
                where=layer,
                expected="one scale for height and width",
            )
        selected: Array = (nearest[:, None] == positions).astype(np.float32)
        return selected
    if type_ not in _KERNELS:
        raise UnsupportedLayerError(
            f"FlowNet2's own layer has no type {type_}",
            where=layer,
            expected=f"NEAREST, {', '.join(_KERNELS)}",
        )
    weights = _KERNELS[type_](np.abs(centres[:, None] - positions) / scale)
    sums = weights.sum(axis=1, keepdims=True)
    shares: Array = np.divide(weights, sums, out=np.zeros_like(weights), where=sums != 0)
    return shares


def _triangle(distance: Array) -> Array:
    weights: Array = np.maximum(1 - distance, 0)
    return weights


def _cubic(d: Array) -> Array:
    near = d * d * (1.5 * d - 2.5) + 1
    far = d * (d * (-0.5 * d + 2.5) - 4) + 2
    return np.where(d <= 1, near, np.where(d < 2, far, 0)).astype(np.float32)


_KERNELS = {"LINEAR": _triangle, "CUBIC": _cubic}
