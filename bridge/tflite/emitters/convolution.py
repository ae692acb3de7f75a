"""Convolutions and transposed ones."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from bridge.layout import Weight
from bridge.tflite.building import shape_of
from bridge.tflite.graph import Graph, NotWrittenError, Tensor
from bridge.tflite.table import writes
from bridge.tflite.windows import PerAxis, Windows, on_a_plane
from bridge.types import Array

_GROUPED, _DILATED, _BIASED = 6, 2, 3  # versions of the operators that have these


def _bias(g: Graph, bias: Weight | None, outputs: int) -> Tensor:
    """As TensorFlow writes it: all kernels take one."""
    if bias is not None:
        return g.weight("bias", bias)
    return g.constant(np.zeros(outputs), "float32")


@writes("layers.Conv1D", "layers.Conv2D", implied="use_bias")
def conv(
    g: Graph,
    x: Tensor,
    *,
    filters: int,
    kernel_size: PerAxis,
    kernel: Weight,
    bias: Weight | None = None,
    strides: PerAxis = 1,
    padding: str = "valid",
    dilation_rate: PerAxis = 1,
    groups: int = 1,
) -> Tensor:
    """LiteRT has a kernel as o h w i."""
    rank = x.rank - 2
    windows = Windows.of(rank, kernel_size, strides, padding, dilation_rate)
    inputs = kernel.stored_shape[-2]
    weight = g.weight(
        "kernel", kernel, (rank + 1, *range(rank + 1)), (filters, *windows.kernel, inputs)
    )

    def emit(x: Tensor) -> Tensor:
        return g.op(
            "CONV_2D",
            x,
            weight,
            _bias(g, bias, filters),
            shape=(x.shape[0], *windows.counts(x.shape[1:-1]), filters),
            version=1 if groups == 1 else _GROUPED,
            **windows.options,
            **windows.dilation_options,
        )

    return on_a_plane(g, x, emit)


@writes("layers.DepthwiseConv1D", "layers.DepthwiseConv2D", implied="use_bias")
def depthwise_conv(
    g: Graph,
    x: Tensor,
    *,
    kernel_size: PerAxis,
    depthwise: Weight,
    bias: Weight | None = None,
    depth_multiplier: int = 1,
    strides: PerAxis = 1,
    padding: str = "valid",
    dilation_rate: PerAxis = 1,
) -> Tensor:
    """LiteRT has a kernel as 1 h w (i m), which is Keras's h w i m."""
    windows = Windows.of(x.rank - 2, kernel_size, strides, padding, dilation_rate)
    outputs = prod(depthwise.stored_shape[-2:])
    weight = g.weight("depthwise", depthwise, shape=(1, *windows.kernel, outputs))

    def emit(x: Tensor) -> Tensor:
        return g.op(
            "DEPTHWISE_CONV_2D",
            x,
            weight,
            _bias(g, bias, outputs),
            shape=(x.shape[0], *windows.counts(x.shape[1:-1]), outputs),
            version=_DILATED if windows.is_dilated else 1,
            depth_multiplier=depth_multiplier,
            **windows.options,
            **windows.dilation_options,
        )

    return on_a_plane(g, x, emit)


@writes("layers.Conv3D", implied="use_bias")
def conv_3d(
    g: Graph,
    x: Tensor,
    *,
    filters: int,
    kernel_size: PerAxis,
    kernel: Weight,
    bias: Weight | None = None,
    strides: PerAxis = 1,
    padding: str = "valid",
    dilation_rate: PerAxis = 1,
) -> Tensor:
    """The kernel is as in Keras, d h w i o."""
    windows = Windows.of(3, kernel_size, strides, padding, dilation_rate)
    return g.op(
        "CONV_3D",
        x,
        g.weight("kernel", kernel),
        _bias(g, bias, filters),
        shape=(x.shape[0], *windows.counts(x.shape[1:-1]), filters),
        **windows.options,
        **windows.dilation_options,
    )


@writes("layers.Conv1DTranspose", "layers.Conv2DTranspose", implied="use_bias")
def conv_transpose(
    g: Graph,
    x: Tensor,
    *,
    filters: int,
    kernel_size: PerAxis,
    kernel: Weight,
    bias: Weight | None = None,
    strides: PerAxis = 1,
    padding: str = "valid",
    dilation_rate: PerAxis = 1,
) -> Tensor:
    """LiteRT has a kernel as o h w i, and no dilation: zeros are put into the kernel instead."""
    rank = x.rank - 2
    windows = Windows.of(rank, kernel_size, strides, padding, dilation_rate)
    dense = _dilated(kernel, windows.dilations[-rank:]) if windows.is_dilated else kernel
    shape = (filters, *windows.extents, kernel.stored_shape[-1])
    weight = g.weight("kernel", dense, (rank, *range(rank), rank + 1), shape)

    def emit(x: Tensor) -> Tensor:
        sides = zip(x.shape[1:-1], windows.extents, windows.strides, strict=True)
        sizes = tuple(_size_before(s, extent, stride, padding) for s, extent, stride in sides)
        shape = (x.shape[0], *sizes, filters)
        inputs = [shape_of(g, x, shape), weight, x]
        return g.op(
            "TRANSPOSE_CONV",
            *inputs,
            *([] if bias is None else [g.weight("bias", bias)]),
            shape=shape,
            dtype=x.dtype,
            version=1 if bias is None else _BIASED,
            **windows.options,
        )

    return on_a_plane(g, x, emit)


def _size_before(size: int | None, extent: int, stride: int, padding: str) -> int:
    """The size of the map of which a convolution would give this one, as Keras has it."""
    if size is None:
        raise NotWrittenError("a transposed convolution of a map whose size is free")
    return size * stride + (max(extent - stride, 0) if padding == "valid" else 0)


def _dilated(kernel: Weight, dilations: Sequence[int]) -> Weight:
    """*k o i, with zeros between the numbers along k."""
    rank = len(dilations)
    pairs = zip(kernel.stored_shape, dilations, strict=False)
    shape = (*(1 + (size - 1) * step for size, step in pairs), *kernel.stored_shape[rank:])

    def read(array: Array) -> Array:
        wide = np.zeros(shape, array.dtype)
        wide[tuple(slice(None, None, step) for step in dilations)] = array
        return wide

    return Weight.derived(shape, read, kernel)
