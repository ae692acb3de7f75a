"""Pooling, enlarging, and what a window is padded with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bridge.tflite.building import LARGE, refuse_axes, size_of
from bridge.tflite.emitters.elementwise import binary
from bridge.tflite.emitters.reduction import reduced
from bridge.tflite.graph import Graph, NotWrittenError, Tensor
from bridge.tflite.schema import MIRROR
from bridge.tflite.table import writes
from bridge.tflite.windows import PerAxis, Windows, on_a_plane, per_axis, sides_of

_HALF_PIXELS = 3  # version


def _pooled(g: Graph, code: str, x: Tensor, windows: Windows) -> Tensor:
    if x.dtype != "float32":
        raise NotWrittenError(f"{code} of {x.dtype}")

    def emit(x: Tensor) -> Tensor:
        shape = (x.shape[0], *windows.counts(x.shape[1:-1]), x.shape[-1])
        height, width = windows.kernel
        options = {**windows.options, "filter_height": height, "filter_width": width}
        return g.op(code, x, shape=shape, **options)

    return on_a_plane(g, x, emit)


@writes("layers.MaxPooling1D", "layers.MaxPooling2D")
def max_pooling(
    g: Graph, x: Tensor, *, pool_size: PerAxis, strides: PerAxis = None, padding: str = "valid"
) -> Tensor:
    return _pooled(g, "MAX_POOL_2D", x, Windows.of(x.rank - 2, pool_size, strides, padding))


@writes("layers.AveragePooling1D", "layers.AveragePooling2D")
def average_pooling(
    g: Graph, x: Tensor, *, pool_size: PerAxis, strides: PerAxis = None, padding: str = "valid"
) -> Tensor:
    """As in TensorFlow, the numbers that pad a map do not count."""
    return _pooled(g, "AVERAGE_POOL_2D", x, Windows.of(x.rank - 2, pool_size, strides, padding))


_EVERY = (1, 2, 3)


@writes(*(f"layers.GlobalAveragePooling{rank}D" for rank in _EVERY))
def global_average(g: Graph, x: Tensor, *, keepdims: bool = False) -> Tensor:
    return reduced(g, "MEAN", x, range(1, x.rank - 1), keepdims)


@writes(*(f"layers.GlobalMaxPooling{rank}D" for rank in _EVERY))
def global_max(g: Graph, x: Tensor, *, keepdims: bool = False) -> Tensor:
    return reduced(g, "REDUCE_MAX", x, range(1, x.rank - 1), keepdims)


# ---- padding ---------------------------------------------------------------------------------


@writes("ops.pad")
def pad(
    g: Graph,
    x: Tensor,
    pad_width: Sequence[Any],
    mode: str = "constant",
    constant_values: float | None = None,
) -> Tensor:
    """A pair of numbers for each axis."""
    pairs = [tuple(pair) for pair in pad_width]
    if len(pairs) != x.rank or any(number < 0 for pair in pairs for number in pair):
        raise NotWrittenError(f"padding {pad_width}")
    refuse_axes(x)
    shape = tuple(
        None if s is None else s + sum(pair) for s, pair in zip(x.shape, pairs, strict=True)
    )
    inputs = [x, g.constant(pairs)]
    if mode in MIRROR:
        return g.op("MIRROR_PAD", *inputs, shape=shape, mode=MIRROR.index(mode))
    if mode != "constant":
        raise NotWrittenError(f"padding by {mode!r}")
    version = 4 if x.rank > LARGE else 1
    if not constant_values:
        return g.op("PAD", *inputs, shape=shape, version=version)
    value = g.constant(constant_values, x.dtype)
    return g.op("PADV2", *inputs, value, shape=shape, version=version)


@writes(*(f"layers.ZeroPadding{rank}D" for rank in _EVERY))
def zero_padding(g: Graph, x: Tensor, *, padding: Any) -> Tensor:
    return pad(g, x, [(0, 0), *sides_of(padding, x.rank - 2), (0, 0)])


# ---- enlarging -------------------------------------------------------------------------------


@writes("layers.UpSampling2D")
def up_sampling(g: Graph, x: Tensor, *, size: PerAxis, interpolation: str = "nearest") -> Tensor:
    """As TensorFlow does it, from the centres of pixels."""
    code = _RESIZERS.get(interpolation)
    if code is None or x.dtype != "float32":
        raise NotWrittenError(f"interpolation {interpolation!r} of {x.dtype}")
    times = per_axis(size, 2)
    sizes = tuple(s and s * factor for s, factor in zip(x.shape[1:3], times, strict=True))
    shape = (x.shape[0], *sizes, x.shape[-1])
    target = g.constant([*sizes]) if None not in sizes else _enlarged(g, x, times)
    return g.op(code, x, target, shape=shape, version=_HALF_PIXELS, half_pixel_centers=True)


_RESIZERS = {"bilinear": "RESIZE_BILINEAR", "nearest": "RESIZE_NEAREST_NEIGHBOR"}


def _enlarged(g: Graph, x: Tensor, times: Sequence[int]) -> Tensor:
    """The height and width, so many times, as a tensor."""
    sizes = [binary(g, "MUL", size_of(g, x, 1 + axis), n) for axis, n in enumerate(times)]
    return g.op("PACK", *sizes, shape=(2,), values_count=2, axis=0)
