"""Shapes of normalisations: all have the shape of their input, except MVN."""

from __future__ import annotations

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import (
    LayerShapes,
    axis_of,
    fields_of,
    parameters,
    require,
    shape,
    text,
)


@shape("Softmax")
def softmax(layer: Layer, x: Shape) -> LayerShapes:
    """x: any shape  ->  the same. Source: src/caffe/layers/softmax_layer.cpp."""
    axis_of(layer, parameters(layer, "softmax_param").axis, x)
    return LayerShapes((x,))


@shape("LRN")
def lrn(layer: Layer, x: Shape) -> LayerShapes:
    """x: n c h w  ->  the same. Source: src/caffe/layers/lrn_layer.cpp."""
    size = parameters(layer, "lrn_param").local_size
    require(size % 2 == 1, layer, "local_size must be odd", "an odd number", size)
    require(len(x) == 4, layer, "LRN needs 4 axes", "n c h w", text(x))
    return LayerShapes((x,))


@shape("BatchNorm")
def batch_norm(layer: Layer, x: Shape) -> LayerShapes:
    """x: n c ... or n  ->  the same; mean c, variance c, scale factor 1; in forks scale c, bias c.

    Source: src/caffe/layers/batch_norm_layer.cpp; for the forks, see `has_affine_blobs`.
    """
    channels = (1 if len(x) == 1 else x[1],)
    affine = (channels, channels)[: 1 + parameters(layer, "batch_norm_param").bias_term]
    statistics = (channels, channels, (1,))
    return LayerShapes((x,), (*statistics, *affine) if has_affine_blobs(layer) else statistics)


# NVIDIA's and Intel's fields that say a BatchNorm has a scale, and usually a bias.
_NVIDIAS = frozenset({"scale_filler", "bias_filler"})
_INTELS = frozenset({"filler", "shift_filler"})


def has_affine_blobs(layer: Layer) -> bool | None:
    """Whether the text says that a BatchNorm has a scale and a bias; None if it does not say.

    Sources: batch_norm_layer.cpp of NVIDIA's fork, mkldnn_batch_norm_layer.cpp of Intel's.
    """
    fields = fields_of(layer, "batch_norm_param")
    flags = {fields[name] for name in ("scale_bias", "use_weight_bias") if name in fields}
    flags |= {True} if fields.keys() & (_NVIDIAS | _INTELS) else set()
    return any(flags) if flags else None


def is_nvidias(layer: Layer) -> bool:
    """Whether a BatchNorm is NVIDIA's: it has a scale and a bias, ignores the factor, and has an
    eps of 1e-5 or more. (batch_norm_layer.cpp of NVIDIA's fork)"""
    fields = fields_of(layer, "batch_norm_param")
    if fields.keys() & {"use_weight_bias", "bias_term", *_INTELS}:
        return False
    return bool(fields.get("scale_bias")) or bool(fields.keys() & _NVIDIAS)


# The fields of the forks that have a BN.
_PSPNETS = frozenset({"slope_filler", "frozen"})
SEGNETS = frozenset({"scale_filler", "shift_filler", "bn_mode"})
HAPPYNEARS = frozenset({"var_eps", "decay", "moving_average"})


@shape("BN")
def bn(layer: Layer, x: Shape) -> LayerShapes:
    """x: n c ...  ->  the same. Several forks have a BN, each with different blobs.

    PSPNet's: slope, bias, mean, variance; SegNet's: scale, shift; all 1 c 1 1. The weights are
    known only if the text shows which fork it is from. Sources: bn_layer.cpp of the two forks.
    """
    fields = fields_of(layer, "bn_param").keys()
    slope, scale = (bool(fields & own) for own in (_PSPNETS, SEGNETS))
    if slope == scale or fields & HAPPYNEARS or len(x) < 2:
        return LayerShapes((x,), None)
    return LayerShapes((x,), ((1, x[1], 1, 1),) * (4 if slope else 2))


@shape("MVN")
def mvn(layer: Layer, x: Shape) -> LayerShapes:
    """x: n c h w, or fewer axes  ->  n c h w, 1 where an axis was missing.

    Source: src/caffe/layers/mvn_layer.cpp.
    """
    require(len(x) <= 4, layer, "MVN needs at most 4 axes", "n c h w", text(x))
    return LayerShapes(((*x, 1, 1, 1, 1)[:4],))


@shape("L2Normalization")
def of_whole_samples(_: Layer, x: Shape) -> LayerShapes:
    """x: n ...  ->  the same. Source: l2_normalization_layer.cpp of the forks."""
    return LayerShapes((x,))


@shape("Normalize", tops=(1, 2))
def normalize(layer: Layer, x: Shape) -> LayerShapes:
    """x: n c *s  ->  the same; scale c, or one. Source: the SSD branch's normalize_layer.cpp.

    With a `normalize_param` it is happynear's, which has no scale, returns n c h w even for fewer
    axes, and the norms n 1 h w as a second top.
    """
    require(2 <= len(x) <= 4, layer, "Normalize needs 2 to 4 axes", "n c ...", text(x))
    if "normalize_param" in layer.params:
        top = (*x, 1, 1)[:4]
        return LayerShapes((top, (top[0], 1, *top[2:]))[: len(layer.tops)])
    require(len(layer.tops) == 1, layer, "the number of its tops is wrong", 1, len(layer.tops))
    shared = parameters(layer, "norm_param").channel_shared
    return LayerShapes((x,), (() if shared else (x[1],),))
