"""Convolutions. ONNX stores kernels as Caffe does, so the weights are used unchanged.

Formulas: base_conv_layer.cpp, conv_layer.cpp, deconv_layer.cpp, im2col.cpp; Intel's
mkldnn_convolution_layer.cpp (relu);
https://onnx.ai/onnx/operators/onnx__Conv.html, onnx__ConvTranspose.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from bridge.caffe.net import Blob, Layer
from bridge.caffe.shapes.spatial.conv import dilation, groups, outputs, spatial
from bridge.errors import UnsupportedLayerError
from bridge.lower.emitter import Emitter
from bridge.lower.rules.activation import rectified
from bridge.lower.table import layer
from bridge.lower.values import Dims, Value
from bridge.types import Array

MOST_WIDE = 64  # channels in a group instead of one, for a prime number of channels


@layer(
    "Convolution",
    "DepthwiseConvolution",
    "ConvolutionDepthwise",
    "Deconvolution",
    "Im2col",
    params="convolution_param",
    unread=("kernel_depth", "temporal_stride", "temporal_pad", "filter_group"),
)
def convolution(
    e: Emitter,
    layer: Layer,
    *bottoms: Value,
    bias_term: bool = True,
    axis: int = 1,
    relu: bool = False,
    negative_slope: float = 0.0,
    **windows: object,
) -> tuple[Value, ...]:
    """x: n c *s → n o *t. Several bottoms share the weights; axes before `axis` are all batch.

    Convolution: w: o c/group *k, t = ⌊(s + 2 pad - dilation (k - 1) - 1) / stride⌋ + 1
    Deconvolution: w: c o/group *k, t = stride (s - 1) + dilation (k - 1) + 1 - 2 pad
    ConvolutionDepthwise: a group per channel, which the text need not state.
    DepthwiseConvolution: the same if the text says so, or if it does not and the weights do.
    Im2col: o = c *k, each element of a window is a channel: kernels that select one element.
    With `relu`, from Intel's fork, a ReLU with this `negative_slope` follows.
    """
    axis %= bottoms[0].rank
    channels, axes = bottoms[0].fixed(axis), bottoms[0].rank - axis - 1
    operator = "ConvTranspose" if layer.type == "Deconvolution" else "Conv"
    if not axes:
        raise UnsupportedLayerError(
            "it has no axes to convolve over",
            where=layer,
            expected="axes behind that of the channels",
            received=f"axis {axis} of {bottoms[0].rank} is that of the channels",
            hint="an InnerProduct computes the same",
        )
    weights, attributes = _weights(e, layer, channels, _attributes(layer, channels, axes))
    is_apart = operator == "Conv" and _is_padded_point(attributes)
    has_open_sizes = any(isinstance(size, str) for size in bottoms[0].shape[axis + 1 :])
    is_behind = max(attributes["strides"]) == 1 and not has_open_sizes
    if bias_term and layer.type != "Im2col":
        ones = [1] * axes if is_apart and is_behind else []
        weights.append(e.weight(e.blob(1, (outputs(layer, channels), *ones)), "bias"))

    def convolved(x: Value) -> Value:
        if is_apart:
            return _padded_apart(e, x, attributes, weights, is_behind)
        return e.op(operator, x, *weights, **attributes)[0]

    def convolve(x: Value, top: Dims) -> Value:
        if axis == 1:
            return convolved(x)
        with e.dynamic():  # a symbolic batch times other axes has no name
            x = e.Reshape(x, [-1, *(x.fixed(i) for i in range(axis, x.rank))])
            return e.reshape(convolved(x), top)

    tops = tuple(convolve(x, top) for x, top in zip(bottoms, e.tops, strict=True))
    return tuple(rectified(e, y, negative_slope) for y in tops) if relu else tops


def _is_padded_point(attributes: Mapping[str, Any]) -> bool:
    """OpenCV is wrong for a kernel of size 1 with padding."""
    return prod(attributes["kernel_shape"]) == 1 and any(attributes["pads"])


def _padded_apart(
    e: Emitter,
    x: Value,
    attributes: Mapping[str, Any],
    weights: Sequence[Value],
    is_behind: bool,
) -> Value:
    """A convolution with a kernel of size 1, and the padding behind it: rknn takes no Pad before a
    convolution. With a stride, which may not begin on the map, and over maps of any size, the Pad
    comes first all the same.

    The bias is o, or o *1 where it is added behind the padding.
    """
    pads = attributes["pads"]
    half, inner = len(pads) // 2, {**attributes, "pads": [0] * len(pads)}
    around = [0, 0, *pads[:half], 0, 0, *pads[half:]]
    if not is_behind:
        return e.Conv(e.Pad(x, around), *weights, **inner)
    weight, *bias = weights
    y = e.Pad(e.Conv(x, weight, **inner), around)
    return e.Add(y, *bias) if bias else y


def _attributes(layer: Layer, channels: int, axes: int) -> dict[str, Any]:
    """The attributes of ONNX's operator for windows over so many axes."""
    pads = _window(layer, "pad", axes, 0)
    return {
        "kernel_shape": _window(layer, "kernel", axes, None),
        "strides": _window(layer, "stride", axes, 1),
        "pads": pads + pads,
        "dilations": list(dilation(layer, "convolution_param", axes)),
        "group": channels if layer.type == "Im2col" else groups(layer, channels),
    }


def _weights(
    e: Emitter, layer: Layer, channels: int, attributes: dict[str, Any]
) -> tuple[list[Value], dict[str, Any]]:
    """The kernels, the layer's first blob, and the attributes for them; those of Im2col are
    constants."""
    kernel, group = attributes["kernel_shape"], attributes["group"]
    if layer.type == "Im2col":
        return [e.constant(_selecting_kernels(channels, kernel), "weight")], attributes
    if layer.type != "Deconvolution":
        kernels = e.blob(0, (outputs(layer, channels), channels // group, *kernel))
        return [e.weight(kernels, "weight")], attributes
    kernels = e.blob(0, (channels, outputs(layer, channels) // group, *kernel))
    step = _least_divisor(channels) if group == channels == outputs(layer, channels) else 1
    if e.portable and (step > 1 or max(attributes["dilations"]) > 1):
        return _plain(e, kernels, attributes, step)
    return [e.weight(kernels, "weight")], attributes


def _plain(
    e: Emitter, kernels: Blob, attributes: dict[str, Any], channels: int
) -> tuple[list[Value], dict[str, Any]]:
    """Kernels of groups with so many channels, and zeros for each other channel: IREE compiles no
    group for each channel. Between their numbers are zeros for a dilation, which OpenCV 4 leaves
    out.

    kernels: c o *k → c (channels o) *k
    """
    steps = attributes["dilations"]
    sizes = [step * (size - 1) + 1 for step, size in zip(steps, kernels.shape[2:], strict=True)]
    count, number = kernels.shape[:2]
    own = (range(count), [channel % channels for channel in range(count)], slice(None))
    spread = tuple(slice(None, None, step) for step in steps)

    def read(numbers: Array) -> Array:
        widened = np.zeros((count, channels, number, *sizes), np.float32)
        widened[own + spread] = numbers
        return widened.reshape(count, channels * number, *sizes)

    plain = {
        **attributes,
        "kernel_shape": sizes,
        "dilations": [1] * len(steps),
        "group": attributes["group"] // channels,
    }
    return [e.computed((count, channels * number, *sizes), read, "weight", kernels)], plain


def _least_divisor(number: int) -> int:
    """The least divisor above 1, up to MOST_WIDE; else 1."""
    return next((d for d in range(2, MOST_WIDE + 1) if number % d == 0), 1)


def _window(layer: Layer, name: str, axes: int, default: int | None) -> list[int]:
    return list(spatial(layer, "convolution_param", name, axes, default))


def _selecting_kernels(channels: int, kernel: Sequence[int]) -> Array:
    """(c *k) 1 *k: for each channel and element of the window a kernel that is 1 only there."""
    area = prod(kernel)
    kernels = np.tile(np.eye(area, dtype=np.float32), (channels, 1))
    return kernels.reshape(channels * area, 1, *kernel)
