"""Pooling, as most runtimes take it: pads that are the same on both sides, and ceil_mode.

Caffe rounds the size up, lets the last window extend beyond the map, and divides an average by the
part of the window within the padded map; ONNX has no such operator, and many runtimes are wrong
with count_include_pad, or with other pads at the end. So averages are over what is on the map, with
a factor where Caffe's divisor differs, and the end is a pad of its own only where no rounding gives
Caffe's windows.

Formulas: pooling_layer.cpp, spp_layer.cpp; from forks libdnn_pool.cpp (naibaf7's: dilation) and
mkldnn_pooling_layer.cpp (Intel's: avg_include_pad);
https://onnx.ai/onnx/operators/onnx__MaxPool.html, onnx__AveragePool.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import Any

import numpy as np

from bridge.caffe.net import Layer
from bridge.caffe.shapes.spatial.pool import bin_windows, rounds_down, windows
from bridge.caffe.shapes.spatial.pool import pooled as pooled_sizes
from bridge.errors import GraphError, UnsupportedLayerError
from bridge.lower.emitter import Emitter
from bridge.lower.table import layer
from bridge.lower.values import FLOAT, Value
from bridge.types import Array


@dataclass(frozen=True)
class Axis:
    """Windows along one axis: `count` of them, from -pad on, `stride` apart, on `size` positions.

    The `kernel` elements of a window are `dilation` apart.
    """

    size: int
    kernel: int
    stride: int
    pad: int
    count: int
    dilation: int = 1

    @classmethod
    def of_bins(cls, size: int, bins: int) -> Axis:
        """An axis divided into bins of one size, padded to fit."""
        kernel, pad = bin_windows(size, bins)
        (count,) = pooled_sizes((size,), (kernel,), (kernel,), (pad,))
        return cls(size, kernel, kernel, pad, count)

    @property
    def overhang(self) -> int:
        """How far windows extend beyond the map: the padding that the end needs."""
        extent = (self.kernel - 1) * self.dilation + 1
        return max(0, (self.count - 1) * self.stride + extent - self.pad - self.size)

    def divisors(self, with_padding: bool = True) -> Array:
        """For each window, how many of its elements are on the map or on Caffe's own padding.

        As Caffe counts them: negative for a window that begins beyond the end of both.
        """
        start = np.arange(self.count) * self.stride - self.pad

        def before(end: int) -> Array:
            count: Array = np.minimum(-((start - end) // self.dilation), self.kernel)
            return count.astype(np.float32)

        if with_padding:
            return before(self.size + self.pad)
        divisors: Array = before(self.size).clip(0) - before(0).clip(0)
        return divisors

    @property
    def needs_more_than_pads(self) -> bool:
        """Whether windows need more padding than ONNX allows; the last one may be empty."""
        return self.overhang >= self.kernel

    def is_rounded(self, ceil_mode: bool) -> bool:
        """Whether ONNX has as many windows over the map with `pad` on both sides."""
        span = self.size + 2 * self.pad - (self.kernel - 1) * self.dilation - 1
        steps = -(-span // self.stride) if ceil_mode else span // self.stride
        # PyTorch takes no more padding than half a window.
        return steps + 1 == self.count and 2 * self.pad <= self.kernel


@layer("Pooling", params="pooling_param", unread=("kernel_depth", "temporal_stride"))
def pooling(
    e: Emitter,
    layer: Layer,
    x: Value,
    *,
    pool: str = "MAX",
    global_pooling: bool = False,
    avg_include_pad: bool = True,
    **windows: object,
) -> Value | tuple[Value, Value]:
    """x: n c *s → n c *s'; a second top of MAX is the index h · W + w of each maximum.

    h' is Caffe's, from kernel, padding and rounding. In forks windows have a dilation, and averages
    may exclude the padding (`avg_include_pad`).
    """
    if global_pooling and len(layer.tops) == 1:
        return _whole_map(e, layer, x, pool)
    if any(isinstance(size, str) for size in x.shape[2:]):
        return _over_open_sizes(e, layer, x, pool, avg_include_pad)
    axes = [
        Axis(x.fixed(2 + i), kernel, stride, pad, e.top_size(2 + i), apart)
        for i, (kernel, stride, pad, apart) in enumerate(_windows(layer, x))
    ]
    if len(layer.tops) == 2:
        return _max_with_indices(e, layer, x, axes)
    return pooled(e, layer, x, pool, axes, avg_include_pad)


def _windows(layer: Layer, x: Value) -> list[tuple[int, ...]]:
    """Kernel, stride, pad and dilation of each axis."""
    return list(zip(*windows(layer, x.shape[2:]), strict=True))


@layer("SPP", params="spp_param")
def spatial_pyramid(
    e: Emitter, layer: Layer, x: Value, *, pyramid_height: int = 0, pool: str = "MAX"
) -> Value:
    """x: n c h w → n (c bins), level i in 2^i · 2^i bins; with one level n c 1 1.

    Each level is a Pooling with kernel and stride ⌈h / 2^i⌉, padded to fit.
    """
    levels = [
        pooled(e, layer, x, pool, [Axis.of_bins(x.fixed(2), 2**i), Axis.of_bins(x.fixed(3), 2**i)])
        for i in range(pyramid_height)
    ]
    if pyramid_height == 1:
        return levels[0]
    return e.Concat(*(e.Flatten(level, axis=1) for level in levels), axis=1)


def pooled(
    e: Emitter,
    layer: Layer,
    x: Value,
    pool: str,
    axes: Sequence[Axis],
    with_padding: bool = True,
) -> Value:
    """x: n c *s → n c *s'. In an empty window a maximum is Caffe's -FLT_MAX; an average, 0 divided
    by Caffe's count, is NaN right after the map and 0 further on."""
    if pool == "MAX":
        return _max(e, x, axes)
    if pool == "AVE":
        return _average(e, x, axes, with_padding)
    raise _no_operator(layer, pool)


def _whole_map(e: Emitter, layer: Layer, x: Value, pool: str) -> Value:
    operators = {"MAX": e.GlobalMaxPool, "AVE": e.GlobalAveragePool}
    if pool not in operators:
        raise _no_operator(layer, pool)
    return operators[pool](x)


def _no_operator(layer: Layer, pool: str) -> UnsupportedLayerError:
    return UnsupportedLayerError(
        "ONNX has no operator for this pooling", where=layer, expected="MAX or AVE", received=pool
    )


def _max(e: Emitter, x: Value, axes: Sequence[Axis]) -> Value:
    attributes = _attributes(axes)
    if any(axis.needs_more_than_pads for axis in axes) or _are_uneven(attributes["pads"]):
        x = _padded(e, x, _ends(axes), -np.finfo(np.float32).max)
        attributes = _attributes(axes, [0] * 2 * len(axes))
    return e.MaxPool(x, **attributes)


def _are_uneven(pads: Sequence[int]) -> bool:
    """Whether pads are others at the end than at the beginning, where there are any: ncnn then pads
    a maximum twice."""
    begins, ends = pads[: len(pads) // 2], pads[len(pads) // 2 :]
    return any(begins) and begins != ends


def _average(e: Emitter, x: Value, axes: Sequence[Axis], with_padding: bool) -> Value:
    return averages(e, x, axes, [axis.divisors(with_padding) for axis in axes])


def averages(
    e: Emitter, x: Value, axes: Sequence[Axis], divisors: Sequence[Array], factor: float = 1.0
) -> Value:
    """x: n c *s → n c *s': sums of windows over a divisor along each axis, times a factor."""
    whole: list[Array] = [np.full(axis.count, axis.kernel, np.float64) for axis in axes]
    if any(axis.needs_more_than_pads for axis in axes):
        x = _padded(e, x, _ends(axes), np.float32(0))
        mean, counts = _mean(e, x, axes, _attributes(axes, [0] * 2 * len(axes))), whole
    elif any(axis.dilation > 1 for axis in axes):
        mean, counts = _mean(e, x, axes, _attributes(axes, _ends(axes))), whole
    else:
        mean = e.AveragePool(x, **_attributes(axes))
        counts = [axis.divisors(with_padding=False) for axis in axes]
    with np.errstate(divide="ignore"):
        factors: Array = factor * _product(counts) / _product(divisors)
    if (factors == 1).all():
        return mean
    return e.Mul(mean, e.constant(factors.astype(np.float32)[None, None], "correction"))


def _product(numbers: Sequence[Array]) -> Array:
    """A number for each window, of those along the axes."""
    return reduce(np.multiply.outer, numbers)


def _mean(e: Emitter, x: Value, axes: Sequence[Axis], attributes: dict[str, Any]) -> Value:
    """Sums of the windows over their whole area; those of a dilation by a convolution, as
    AveragePool has no dilations before opset 19."""
    if "dilations" not in attributes:
        return e.AveragePool(x, **attributes)
    channels, kernel = x.fixed(1), attributes["kernel_shape"]
    weight = np.full((channels, 1, *kernel), 1 / prod(kernel), np.float32)
    return e.Conv(x, weight, **attributes, group=channels)


def _over_open_sizes(e: Emitter, layer: Layer, x: Value, pool: str, avg_include_pad: bool) -> Value:
    """Pooling of maps of any size, if one set of attributes is right at every size.

    ⌈(h + 2p - k) / s⌉ + 1 windows are those of a map with s - 1 more positions after it. Caffe
    drops the last one if it starts after the padding, which it cannot if k ≥ p + s.
    """
    axes = _windows(layer, x)
    rounds_up = not rounds_down(layer)
    if len(layer.tops) == 2 or (rounds_up and any(k < p + s for k, s, p, _ in axes)):
        raise GraphError("the ends of these windows depend on the size", received=axes)
    if any(d > 1 or (p and not avg_include_pad) for _, _, p, d in axes):
        raise GraphError("this dilation or divisor is written for one size", received=axes)
    kernel, strides, pads, _ = map(list, zip(*axes, strict=True))
    more = [stride - 1 if rounds_up else 0 for stride in strides]
    shape = {"kernel_shape": kernel, "strides": strides}
    if pool == "MAX":
        ends = [pad + extra for pad, extra in zip(pads, more, strict=True)]
        return e.MaxPool(x, **shape, pads=[*pads, *ends])
    if pool != "AVE":
        raise _no_operator(layer, pool)
    if any(pads):  # pads count in Caffe's divisor; what extends beyond them does not
        x = _padded(e, x, pads + pads, np.float32(0))
    return e.AveragePool(x, **shape, pads=[0] * len(more) + more)


def _max_with_indices(
    e: Emitter, layer: Layer, x: Value, axes: Sequence[Axis]
) -> tuple[Value, Value]:
    """The maxima and, as floats, their indices in their own channel's plane.

    ONNX counts indices through the whole tensor, so they are taken modulo the plane's size.
    """
    if any(axis.needs_more_than_pads for axis in axes):
        raise UnsupportedLayerError(
            "a mask has no index for a window that may be outside the map", where=layer
        )
    maxima, indices = e.op("MaxPool", x, outputs=2, **_attributes(axes))
    plane = prod(axis.size for axis in axes)
    return maxima, e.Cast(e.Mod(indices, plane), to=FLOAT)


def _attributes(axes: Sequence[Axis], pads: list[int] | None = None) -> dict[str, Any]:
    """With these pads, or with those that give Caffe's windows."""
    dilations = [axis.dilation for axis in axes]
    modes = [mode for mode in (False, True) if all(axis.is_rounded(mode) for axis in axes)]
    if pads is None:
        pads = [axis.pad for axis in axes] * 2 if modes else _ends(axes)
    else:
        modes = []
    return {
        "kernel_shape": [axis.kernel for axis in axes],
        "strides": [axis.stride for axis in axes],
        "pads": pads,
        **({"ceil_mode": 1} if modes == [True] else {}),
        **({"dilations": dilations} if max(dilations) > 1 else {}),
    }


def _ends(axes: Sequence[Axis]) -> list[int]:
    return [axis.pad for axis in axes] + [axis.overhang for axis in axes]


def _padded(e: Emitter, x: Value, pads: list[int], fill: np.float32) -> Value:
    half = len(pads) // 2
    return e.Pad(x, [0, 0, *pads[:half], 0, 0, *pads[half:]], np.asarray(fill))
