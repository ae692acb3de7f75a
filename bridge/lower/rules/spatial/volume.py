"""C3D's layers, whose third spatial axis, time, has window sizes of its own.

Formulas: convolution3d_layer.cpp and pool3d_layer.cpp of C3D
"""

from __future__ import annotations

from collections.abc import Sequence

from bridge.caffe.net import Layer
from bridge.lower.emitter import Emitter
from bridge.lower.rules.spatial.pool import Axis, pooled
from bridge.lower.table import layer
from bridge.lower.values import Value


@layer("Convolution3D", params="convolution_param")
def convolution(
    e: Emitter,
    layer: Layer,
    x: Value,
    *,
    num_output: int,
    kernel_size: Sequence[int],
    kernel_depth: int,
    stride: Sequence[int] = (1,),
    temporal_stride: int = 1,
    pad: Sequence[int] = (0,),
    temporal_pad: int = 0,
    filter_group: int = 1,
    bias_term: bool = True,
) -> Value:
    """x: n c d h w → n num_output d' h' w'    weight: num_output c kernel_depth k k

    Groups of filters share their whole input, so they are equivalent to one group.
    """
    kernel = (kernel_depth, *kernel_size, *kernel_size)
    weight = e.weight(e.blob(0, (num_output, x.fixed(1), *kernel)), "weight")
    bias = e.weight(e.blob(1, (num_output,)), "bias") if bias_term else None
    return e.Conv(
        x,
        weight,
        bias,
        kernel_shape=kernel,
        strides=[temporal_stride, *stride, *stride],
        pads=[temporal_pad, *pad, *pad] * 2,
    )


@layer("Pooling3D", params="pooling_param")
def pooling(
    e: Emitter,
    layer: Layer,
    x: Value,
    *,
    pool: str = "MAX",
    kernel_size: Sequence[int],
    kernel_depth: int,
    stride: Sequence[int] = (1,),
    temporal_stride: int = 1,
    pad: Sequence[int] = (0,),
) -> Value:
    """x: n c d h w → n c d' h' w': like Pooling, each axis by itself, but no window is dropped"""
    plane = (kernel_size[0], stride[0], pad[0])
    windows = ((kernel_depth, temporal_stride, 0), plane, plane)
    axes = [Axis(x.fixed(2 + i), *window, e.top_size(2 + i)) for i, window in enumerate(windows)]
    return pooled(e, layer, x, pool, axes)
