"""Shapes of C3D's layers, whose third spatial axis, time, has window sizes of its own."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.spatial.conv import positive
from bridge.caffe.shapes.table import LayerShapes, parameters, require, shape, text


def _refuse_others(layer: Layer, x: Shape, *sizes: int | None) -> None:
    require(len(x) == 5, layer, "its input needs 5 axes", "n c d h w", text(x))
    known = None not in sizes and all(size for size in sizes)
    require(known, layer, "kernel_size, kernel_depth and strides must be positive", "> 0", sizes)


def _once(layer: Layer, **fields: Sequence[int]) -> list[int]:
    """The value of each field: one for both axes of a plane, 0 if there is none."""
    for name, values in fields.items():
        require(
            len(values) < 2,
            layer,
            f"{name} applies to both axes",
            "one number",
            text(tuple(values)),
        )
    return [sum(values) for values in fields.values()]


@shape("Convolution3D")
def convolution(layer: Layer, x: Shape) -> LayerShapes:
    """x: n c d h w  ->  n num_output d' h' w'; weight num_output c *k, bias num_output.

    Groups share their input, so they change nothing. Source: convolution3d_layer.cpp of C3D.
    """
    p = parameters(layer, "convolution_param")
    k, s, q = _once(layer, kernel_size=p.kernel_size, stride=p.stride or [1], pad=p.pad)
    _refuse_others(layer, x, k, p.kernel_depth, s, p.temporal_stride, p.num_output)
    kernel, stride = (p.kernel_depth, k, k), (p.temporal_stride, s, s)
    sizes = [
        (size + 2 * pad - k) // s + 1
        for size, k, s, pad in zip(x[2:], kernel, stride, (p.temporal_pad, q, q), strict=True)
    ]
    weight = (p.num_output, x[1], *kernel)
    top = (x[0], p.num_output, *positive(layer, sizes, x))
    return LayerShapes((top,), (weight, (p.num_output,))[: 1 + p.bias_term])


@shape("Pooling3D")
def pooling(layer: Layer, x: Shape) -> LayerShapes:
    """x: n c d h w  ->  n c d' h' w'. Source: pool3d_layer.cpp of C3D."""
    p = parameters(layer, "pooling_param")
    k, s, q = _once(layer, kernel_size=p.kernel_size, stride=p.stride or [1], pad=p.pad)
    _refuse_others(layer, x, k, p.kernel_depth, s, p.temporal_stride)
    require(not q or p.pool == "AVE", layer, "only average pooling can be padded", "pad 0", q)
    kernel, stride, pads = (p.kernel_depth, k, k), (p.temporal_stride, s, s), (0, q, q)
    sizes = [
        -(-(size + 2 * pad - k) // s) + 1
        for size, k, s, pad in zip(x[2:], kernel, stride, pads, strict=True)
    ]
    return LayerShapes(((*x[:2], *positive(layer, sizes, x)),))
