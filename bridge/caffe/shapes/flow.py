"""Shapes of the layers of FlowNet and similar nets, which compare and warp feature maps."""

from __future__ import annotations

from typing import Any

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.spatial.conv import positive
from bridge.caffe.shapes.spatial.pool import whole_sizes
from bridge.caffe.shapes.table import LayerShapes, fields_of, parameters, require, same, shape, text


def _four(layer: Layer, x: Shape) -> None:
    require(len(x) == 4, layer, "its input needs 4 axes", "n c h w", text(x))


@shape("Correlation", bottoms=2)
def correlation(layer: Layer, x: Shape, y: Shape) -> LayerShapes:
    """x, y: n c h w  ->  n (displacements down and across) h' w'.

    Source: correlation_layer.cpp of FlowNet2.
    """
    p = _correlated(layer, x, y)
    border = 2 * (p.max_displacement + p.kernel_size // 2)
    sizes = [-(-(size + 2 * p.pad - border) // p.stride_1) for size in x[2:]]
    grid = 2 * (p.max_displacement // p.stride_2) + 1
    return LayerShapes(((x[0], grid**2, *positive(layer, sizes, x)),))


@shape("Correlation1D", bottoms=2)
def correlation_across(layer: Layer, x: Shape, y: Shape) -> LayerShapes:
    """x, y: n c h w  ->  n (displacements across) h' w'.

    Source: correlation_layer1d.cpp of FlowNet2.
    """
    p = _correlated(layer, x, y)
    inner = 2 * (p.kernel_size // 2)
    sizes = (x[2] - inner, x[3] + 2 * p.pad - 2 * p.max_displacement - inner)
    sides = 1 if p.single_direction else 2
    top = positive(layer, [-(-size // p.stride_1) for size in sizes], x)
    return LayerShapes(((x[0], sides * (p.max_displacement // p.stride_2) + 1, *top),))


def _correlated(layer: Layer, x: Shape, y: Shape) -> Any:
    same(layer, x, y)
    _four(layer, x)
    p = parameters(layer, "correlation_param")
    known = fields_of(layer, "correlation_param").keys() >= {"kernel_size", "max_displacement"}
    require(known, layer, "kernel_size or max_displacement is missing", "both")
    require(p.kernel_size % 2 == 1, layer, "kernel_size must be odd", "odd", p.kernel_size)
    strides = (p.stride_1, p.stride_2)
    require(min(strides) > 0, layer, "strides must be positive", "> 0", text(strides))
    return p


@shape("FlowWarp", bottoms=2)
def flow_warp(layer: Layer, x: Shape, flow: Shape) -> LayerShapes:
    """x: n c h w, flow: n 2 h w  ->  n c h w. Source: flow_warp_layer.cpp of FlowNet2."""
    _four(layer, x)
    wanted = (x[0], 2, *x[2:])
    require(flow == wanted, layer, "its flow does not fit", text(wanted), text(flow))
    return LayerShapes((x,))


@shape("ChannelNorm")
def channel_norm(layer: Layer, x: Shape) -> LayerShapes:
    """x: n c h w  ->  n 1 h w. Source: channel_norm_layer.cpp of FlowNet2."""
    _four(layer, x)
    return LayerShapes(((x[0], 1, *x[2:]),))


@shape("Resample", bottoms=(1, 2))
def resample(layer: Layer, x: Shape, like: Shape | None = None) -> LayerShapes:
    """x: n c h w  ->  n c H W, the size of a second bottom or the one that is set.

    Source: resample_layer.cpp of FlowNet2. Only OpenVINO reads its `factor` (the Caffe
    front end's resample_ext.py), for nearest-neighbour resizing.
    """
    _four(layer, x)
    p, fields = parameters(layer, "resample_param"), fields_of(layer, "resample_param")
    sizes = (p.height, p.width) if like is None else like[2:4]
    if "factor" in fields:
        one = like is None and not {"height", "width"} & fields.keys()
        require(one, layer, "factor is set together with another size", "one of the two", p.factor)
        sizes = tuple(whole_sizes(layer, x, p.factor, p.factor))
    known = len(sizes) == 2 and min(sizes) > 0
    require(known, layer, "no size is set", "height and width, or a second bottom", text(sizes))
    return LayerShapes(((*x[:2], *sizes),))
