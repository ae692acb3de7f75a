"""The blobs of layers that a caffemodel lacks, where their fillers say exactly what they hold.

Caffe leaves such layers as their fillers made them. `constant` and `bilinear` fillers always make
the same values; all others draw them at random.
(Source: include/caffe/filler.hpp)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from bridge.caffe.net import Array, Blob, Layer, Shape

# For each type, its message and the fillers of its blobs in order.
_FILLERS = {
    "Bias": ("bias_param", ("filler",)),
    "Convolution": ("convolution_param", ("weight_filler", "bias_filler")),
    "ConvolutionDepthwise": ("convolution_param", ("weight_filler", "bias_filler")),
    "Deconvolution": ("convolution_param", ("weight_filler", "bias_filler")),
    "DepthwiseConvolution": ("convolution_param", ("weight_filler", "bias_filler")),
    "Embed": ("embed_param", ("weight_filler", "bias_filler")),
    "InnerProduct": ("inner_product_param", ("weight_filler", "bias_filler")),
    "Normalize": ("norm_param", ("scale_filler",)),
    "PReLU": ("prelu_param", ("filler",)),
    "Scale": ("scale_param", ("filler", "bias_filler")),
}

# What layers do where the text sets no filler. Weights are not here: they would be zero, which
# nobody means.
_DEFAULTS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("bias_param", "filler"): {"value": 0},
    ("norm_param", "scale_filler"): {"value": 1},
    ("prelu_param", "filler"): {"value": 0.25},
    ("scale_param", "filler"): {"value": 1},
}
_ZERO: Mapping[str, Any] = {"value": 0}


def filled(layer: Layer, shapes: tuple[Shape, ...]) -> tuple[Blob, ...] | None:
    """The blobs that the layer's fillers make, or None where they are not exact."""
    message, names = _FILLERS.get(layer.type, ("", ()))
    if layer.type == "Scale" and len(layer.bottoms) == 2:
        names = names[1:]
    if len(names) < len(shapes):
        return None
    blobs = []
    for name, shape in zip(names, shapes, strict=False):
        default = _ZERO if name == "bias_filler" else _DEFAULTS.get((message, name))
        filler = layer.params.get(message, {}).get(name, default)
        if filler is None or not _is_exact(filler, shape):
            return None
        blobs.append(Blob(shape, _Filler(shape, filler)))
    return tuple(blobs)


def _is_exact(filler: Mapping[str, Any], shape: Shape) -> bool:
    kind = filler.get("type", "constant")
    return kind == "constant" or (kind == "bilinear" and len(shape) == 4 and shape[2] == shape[3])


@dataclass(frozen=True)
class _Filler:
    """Makes the values of one blob when they are asked for."""

    shape: Shape
    filler: Mapping[str, Any]

    def __call__(self) -> Array:
        make = _MAKERS[self.filler.get("type", "constant")]
        return make(self.shape, self.filler)


def _constant(shape: Shape, filler: Mapping[str, Any]) -> Array:
    return np.full(shape, filler.get("value", 0), np.float32)


def _bilinear(shape: Shape, _: Mapping[str, Any]) -> Array:
    """A kernel that, in a Deconvolution, scales up by linear interpolation: a tent in h and w."""
    size = shape[-1]
    half = ceil(size / 2)
    tent = 1 - np.abs(np.arange(size) / half - (size - 1) / (2 * half))
    return np.broadcast_to(np.outer(tent, tent), shape).astype(np.float32)


_MAKERS: Mapping[str, Callable[[Shape, Mapping[str, Any]], Array]] = {
    "constant": _constant,
    "bilinear": _bilinear,
}
