"""Shapes of normalisations: all keep their input's, but for MVN."""

from __future__ import annotations

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import Demand, axis_of, parameters, require, shape, text


@shape("Softmax")
def softmax(layer: Layer, x: Shape) -> Demand:
    """x: any shape  ->  the same. Source: src/caffe/layers/softmax_layer.cpp."""
    axis_of(layer, parameters(layer, "softmax_param").axis, x)
    return Demand((x,))


@shape("LRN")
def lrn(layer: Layer, x: Shape) -> Demand:
    """x: n c h w  ->  the same. Source: src/caffe/layers/lrn_layer.cpp."""
    size = parameters(layer, "lrn_param").local_size
    require(size % 2 == 1, layer, "local_size must be odd", "an odd number", size)
    require(len(x) == 4, layer, "LRN needs 4 axes", "n c h w", text(x))
    return Demand((x,))


@shape("BatchNorm")
def batch_norm(_: Layer, x: Shape) -> Demand:
    """x: n c ... or n  ->  the same; mean c, variance c, scale factor 1.

    Source: src/caffe/layers/batch_norm_layer.cpp.
    """
    channels = 1 if len(x) == 1 else x[1]
    return Demand((x,), ((channels,), (channels,), (1,)))


@shape("BN")
def bn(_: Layer, x: Shape) -> Demand:
    """x: n c ...  ->  the same. Several forks have a BN, each with other blobs."""
    return Demand((x,), None)


@shape("MVN")
def mvn(layer: Layer, x: Shape) -> Demand:
    """x: n c h w, or fewer axes  ->  n c h w, 1 where an axis was missing.

    Source: src/caffe/layers/mvn_layer.cpp.
    """
    require(len(x) <= 4, layer, "MVN needs at most 4 axes", "n c h w", text(x))
    return Demand(((*x, 1, 1, 1, 1)[:4],))


@shape("L2Normalization")
def of_whole_samples(_: Layer, x: Shape) -> Demand:
    """x: n ...  ->  the same. Source: l2_normalization_layer.cpp of the forks."""
    return Demand((x,))


@shape("Normalize", tops=(1, 2))
def normalize(layer: Layer, x: Shape) -> Demand:
    """x: n c h w  ->  the same; scale c, or one. Source: the SSD branch's normalize_layer.cpp.

    With a `normalize_param` it is happynear's, which has no scale, gives n c h w for fewer axes
    too, and the norms n 1 h w as a second top.
    """
    require(len(x) >= 2, layer, "Normalize needs 2 axes or more", "n c ...", text(x))
    if "normalize_param" in layer.params:
        require(len(x) <= 4, layer, "Normalize needs at most 4 axes", "n c h w", text(x))
        top = (*x, 1, 1)[:4]
        return Demand((top, (top[0], 1, *top[2:]))[: len(layer.tops)])
    require(len(layer.tops) == 1, layer, "the number of its tops is wrong", 1, len(layer.tops))
    shared = parameters(layer, "norm_param").channel_shared
    return Demand((x,), (() if shared else (x[1],),))
