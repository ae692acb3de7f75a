"""Shapes of convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import (
    SOME,
    LayerShapes,
    axis_of,
    fields_of,
    parameters,
    require,
    same,
    shape,
    text,
)


def spatial(layer: Layer, message: str, name: str, rank: int, default: int | None) -> Shape:
    """A window parameter for each spatial axis: `name_h` and `name_w`, or `name` once or for each.

    The kernel's repeated field is called `kernel_size`; the others are called `name`.
    Source: src/caffe/layers/base_conv_layer.cpp.
    """
    fields = fields_of(layer, message)
    repeated = fields.get("kernel_size" if name == "kernel" else name, [])
    values = list(repeated) if isinstance(repeated, Sequence) else [repeated]
    if f"{name}_h" in fields or f"{name}_w" in fields:
        require(rank == 2, layer, f"{name}_h and {name}_w need two spatial axes", 2, rank)
        require(
            not values,
            layer,
            f"{name}_h and {name}_w are set together with {name}",
            "one of the two",
        )
        return (fields.get(f"{name}_h", 0), fields.get(f"{name}_w", 0))
    if not values and default is not None:
        values = [default]
    require(
        len(values) in (1, rank),
        layer,
        f"{name} does not match the axes",
        f"1 or {rank} values",
        values,
    )
    return tuple(values * rank if len(values) == 1 else values)


def dilation(layer: Layer, message: str, rank: int) -> Shape:
    """The dilation on each spatial axis; forks also call it `hole`.

    Sources: base_conv_layer.cpp; DeepLab v1's (`hole`, `hole_h`, `hole_w`) and yjxiong's
    (`dilation_h`, `dilation_w`).
    """
    fields = fields_of(layer, message)
    names = [
        name for name in ("dilation", "hole") if fields.keys() & {name, f"{name}_h", f"{name}_w"}
    ]
    require(len(names) < 2, layer, "dilation and hole are both set", "one of the two")
    return spatial(layer, message, names[0] if names else "dilation", rank, 1)


def _windows(layer: Layer, rank: int) -> tuple[Shape, Shape, Shape, Shape]:
    """Kernel, stride, pad and dilation of a convolution."""
    kernel = spatial(layer, "convolution_param", "kernel", rank, None)
    stride = spatial(layer, "convolution_param", "stride", rank, 1)
    pad = spatial(layer, "convolution_param", "pad", rank, 0)
    apart = dilation(layer, "convolution_param", rank)
    for name, values in (("kernel", kernel), ("stride", stride), ("dilation", apart)):
        require(min(values, default=1) > 0, layer, f"{name} must be positive", "> 0", text(values))
    return kernel, stride, pad, apart


def positive(layer: Layer, sizes: Sequence[int], x: Shape) -> Shape:
    """The sizes, if all are positive. Errors: ShapeError."""
    fits = all(size > 0 for size in sizes)
    require(fits, layer, "the window is larger than its padded input", None, text(x))
    return tuple(sizes)


def _slid(layer: Layer, x: Shape, axis: int) -> Shape:
    """Sizes of the spatial axes after `axis` in a convolution's top."""
    extents = x[axis + 1 :]
    windows = zip(extents, *_windows(layer, len(extents)), strict=True)
    sizes = [(size + 2 * p - (d * (k - 1) + 1)) // s + 1 for size, k, s, p, d in windows]
    return positive(layer, sizes, x)


def _refuse_uneven(layer: Layer, outputs: int, channels: int, group: int) -> None:
    for name, count in (("num_output", outputs), ("group", group)):
        require(count > 0, layer, f"{name} must be positive", "> 0", count)
    for name, count in (("input channels", channels), ("num_output", outputs)):
        even = count % group == 0
        require(even, layer, f"{name} do not divide into {group} groups", f"n x {group}", count)


def groups(layer: Layer, channels: int) -> int:
    """The number of groups of a convolution of any type; the depthwise types need not set it."""
    group: int = parameters(layer, "convolution_param").group
    depthwise = layer.type == "ConvolutionDepthwise" or (
        is_silent_about_groups(layer) and any(blob.shape[1:2] == (1,) for blob in layer.blobs[:1])
    )
    return channels if depthwise else group


def outputs(layer: Layer, channels: int) -> int:
    """The number of output channels of a convolution.

    One of the layers called ConvolutionDepthwise ignores num_output, which may be missing then or
    contradict the weights: it has one filter per input channel.
    Source: conv_dw_layer.cpp of anlongstory's fork.
    """
    count: int = parameters(layer, "convolution_param").num_output
    if layer.type == "ConvolutionDepthwise":
        filters = [blob.shape[0] for blob in layer.blobs[:1] if len(blob.shape) == 4]
        return channels if filters == [channels] or not count else count
    return count


def is_determined_by_weights(layer: Layer) -> bool:
    """Whether what a layer computes depends on its weights."""
    return layer.type == "ConvolutionDepthwise" or is_silent_about_groups(layer)


def is_silent_about_groups(layer: Layer) -> bool:
    """Whether only a layer's weights show if it has one group, or one per channel.

    Forks have two layers called DepthwiseConvolution: one is a Convolution, whose `group` defaults
    to 1; the other ignores `group`.
    """
    return layer.type == "DepthwiseConvolution" and "group" not in fields_of(
        layer, "convolution_param"
    )


@shape("Convolution", "DepthwiseConvolution", "ConvolutionDepthwise", bottoms=SOME, tops=SOME)
def convolution(layer: Layer, x: Shape, *rest: Shape) -> LayerShapes:
    """x: n c *s  ->  n num_output *t; weight num_output c/group *k, bias num_output.

    Source: src/caffe/layers/base_conv_layer.cpp and conv_layer.cpp.
    """
    same(layer, x, *rest)
    p = parameters(layer, "convolution_param")
    axis = axis_of(layer, p.axis, x)
    group = groups(layer, x[axis])
    count = outputs(layer, x[axis])
    _refuse_uneven(layer, count, x[axis], group)
    kernel, *_ = _windows(layer, len(x) - axis - 1)
    top = (*x[:axis], count, *_slid(layer, x, axis))
    weight = (count, x[axis] // group, *kernel)
    return LayerShapes((top,) * (1 + len(rest)), (weight, (count,))[: 1 + p.bias_term])


@shape("Deconvolution", bottoms=SOME, tops=SOME)
def deconvolution(layer: Layer, x: Shape, *rest: Shape) -> LayerShapes:
    """x: n c *s  ->  n num_output *t; weight c num_output/group *k, bias num_output.

    Source: src/caffe/layers/base_conv_layer.cpp and deconv_layer.cpp.
    """
    same(layer, x, *rest)
    p = parameters(layer, "convolution_param")
    axis = axis_of(layer, p.axis, x)
    _refuse_uneven(layer, p.num_output, x[axis], p.group)
    extents = x[axis + 1 :]
    kernel, stride, pad, apart = _windows(layer, len(extents))
    sizes = [
        s * (size - 1) + d * (k - 1) + 1 - 2 * p
        for size, k, s, p, d in zip(extents, kernel, stride, pad, apart, strict=True)
    ]
    top = (*x[:axis], p.num_output, *positive(layer, sizes, x))
    weight = (x[axis], p.num_output // p.group, *kernel)
    return LayerShapes((top,) * (1 + len(rest)), (weight, (p.num_output,))[: 1 + p.bias_term])


@shape("Im2col")
def im2col(layer: Layer, x: Shape) -> LayerShapes:
    """x: n c *s  ->  n (c *k) *t: each window's values as channels.

    Source: src/caffe/layers/im2col_layer.cpp.
    """
    axis = axis_of(layer, parameters(layer, "convolution_param").axis, x)
    kernel, *_ = _windows(layer, len(x) - axis - 1)
    return LayerShapes(((*x[:axis], x[axis] * prod(kernel), *_slid(layer, x, axis)),))
