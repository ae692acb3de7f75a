"""Layers that sample between the positions of a feature map.

Formulas: st_layer.cpp and st_layer.cu of daerduoCarey/SpatialTransformerLayer; deformable_im2col.cu
of unsky/Deformable-ConvNets-caffe; https://onnx.ai/onnx/operators/onnx__GridSample.html
"""

from __future__ import annotations

from math import prod

import numpy as np

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.spatial.sampling import THETA, deformable_windows
from bridge.errors import UnsupportedLayerError
from bridge.lower.emitter import Emitter
from bridge.lower.table import layer
from bridge.lower.values import FLOAT, Value
from bridge.types import Array


@layer("SpatialTransformer", params="st_param")
def spatial_transformer(
    e: Emitter,
    layer: Layer,
    x: Value,
    theta: Value,
    *,
    transform_type: str = "affine",
    sampler_type: str = "bilinear",
    to_compute_dU: bool = True,  # noqa: N803 (Caffe's name)
    output_H: int = 0,  # noqa: N803
    output_W: int = 0,  # noqa: N803
    **fixed: float,
) -> Value:
    """x: n c h w, theta: n 6 → n c H W: x sampled at theta · (row, column, 1), 0 outside

    Rows and columns start at -1, spaced by 2/H and 2/W, before and after the transform: 1 is just
    after the last one. Elements of theta that are set are not in the bottom.
    """
    if (transform_type, sampler_type) != ("affine", "bilinear"):
        raise UnsupportedLayerError(
            "Caffe's own layer does not support this",
            where=layer,
            expected="transform_type affine, sampler_type bilinear",
            received=f"{transform_type}, {sampler_type}",
        )
    height, width = e.top_size(2), e.top_size(3)
    # ONNX has x before y, and the borders of the map, half a position further out, at -1 and 1.
    order = (*THETA[3:], *THETA[:3])
    in_bottom = [name for name in THETA if name not in fixed]
    matrix_of_bottom = np.array([[name == to for to in order] for name in in_bottom], np.float32)
    rest = np.array([fixed.get(name, 0) for name in order], np.float32)
    rest[[2, 5]] += 1 / x.fixed(3), 1 / x.fixed(2)
    partial = e.reshape(theta, (x.shape[0], len(in_bottom)))
    full = e.Add(e.MatMul(partial, matrix_of_bottom), rest)
    matrix = e.Transpose(e.reshape(full, (x.shape[0], 2, 3)), perm=[0, 2, 1])
    rows, columns = np.mgrid[:height, :width].reshape(2, -1)
    ones = np.ones(height * width)
    points = np.stack([rows / height * 2 - 1, columns / width * 2 - 1, ones], axis=1)
    grid = e.MatMul(e.constant(points.astype(np.float32), "points"), matrix)
    return e.GridSample(x, e.reshape(grid, (x.shape[0], height, width, 2)), align_corners=0)


@layer("DeformableConvolution", params="deformable_convolution_param")
def deformable_convolution(
    e: Emitter,
    layer: Layer,
    x: Value,
    offset: Value,
    *,
    num_output: int,
    bias_term: bool = True,
    group: int = 1,
    **windows: object,
) -> Value:
    """x: n c h w, offset: n (g kh kw 2) H W → n o H W: a convolution, each element of whose windows
    is sampled at its offset (vertical, horizontal); w: o c/group kh kw

    Not a DeformConv, which weights points that are partly outside: here a point on the map, up to
    its last row and column, counts fully, and any other not at all.
    """
    kernel, *_ = deformable_windows(layer)
    channels, area = x.fixed(1), prod(kernel)
    top = (e.top_size(2), e.top_size(3))
    groups = offset.fixed(1) // (2 * area)
    sizes = [channels // groups] * groups
    maps = (x,) if groups == 1 else e.op("Split", x, sizes, outputs=groups, axis=1)
    offsets = e.reshape(offset, (x.shape[0], groups * area, 2, *top))
    steps = (
        (offsets,)
        if groups == 1
        else e.op("Split", offsets, [area] * groups, outputs=groups, axis=1)
    )
    pairs = zip(maps, steps, strict=True)
    sampled = [_sampled(e, layer, group_map, step, area, top) for group_map, step in pairs]
    columns = sampled[0] if groups == 1 else e.Concat(*sampled, axis=1)
    columns = e.reshape(columns, (x.shape[0], channels * area, *top))
    weight = e.weight(e.blob(0, (num_output, channels // group * area, 1, 1)), "weight")
    bias = e.weight(e.blob(1, (num_output,)), "bias") if bias_term else None
    return e.Conv(columns, weight, bias, kernel_shape=[1, 1], group=group)


def _sampled(
    e: Emitter, layer: Layer, x: Value, offset: Value, area: int, top: tuple[int, int]
) -> Value:
    """x: n c h w, offset: n k 2 H W → n c k H W: x sampled for each element of each window"""
    sizes = np.array([x.fixed(3), x.fixed(2)], np.float32)
    points = e.Add(e.Gather(offset, [1, 0], axis=2), _window_positions(layer, top))  # x, y
    on_map = e.And(e.GreaterOrEqual(points, 0.0), e.Less(points, sizes.reshape(2, 1, 1)))
    on_map = e.reduce("ReduceMin", e.Cast(on_map, to=FLOAT), [2], keepdims=False)
    scale = (2 / np.maximum(sizes - 1, 1)).reshape(2, 1, 1)
    grid = e.Transpose(e.Sub(e.Mul(points, scale), 1.0), perm=[0, 1, 3, 4, 2])
    grid = e.reshape(grid, (x.shape[0], area * top[0], top[1], 2))
    values = e.GridSample(x, grid, align_corners=1, padding_mode="border")
    values = e.reshape(values, (x.shape[0], x.fixed(1), area, *top))
    return e.Mul(values, e.Unsqueeze(on_map, [1]))


def _window_positions(layer: Layer, top: Shape) -> Array:
    """→ k 2 H W: column and row of each element of each window, without the offsets"""
    axes = []
    for size, *window in zip(top, *deformable_windows(layer), strict=True):
        kernel, stride, pad, dilation = window
        within = np.arange(kernel) * dilation - pad
        axes.append(np.add.outer(within, np.arange(size) * stride))  # k H
    down, across = axes
    shape = (len(down), len(across), *top)
    rows = np.broadcast_to(down[:, None, :, None], shape)
    columns = np.broadcast_to(across[None, :, None, :], shape)
    positions = np.stack([columns, rows], axis=2).reshape(-1, 2, *top)
    return positions.astype(np.float32)
