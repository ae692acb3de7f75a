"""Shapes of the layers that pool regions of a feature map, or look around points of it."""

from __future__ import annotations

from math import prod

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import LayerShapes, fields_of, parameters, require, shape, text


def _refuse_others(layer: Layer, x: Shape, regions: Shape) -> None:
    require(len(x) == 4, layer, "its input needs 4 axes", "n c h w", text(x))
    fits = len(regions) >= 2 and prod(regions[1:]) == 5
    require(fits, layer, "its regions need 5 numbers each", "r 5", text(regions))


@shape("PSROIPooling", bottoms=2)
def position_sensitive(layer: Layer, x: Shape, regions: Shape) -> LayerShapes:
    """x: n (d g g) h w, regions: r 5 (1 1)  ->  r d g g.

    Source: psroi_pooling_layer.cpp of R-FCN's fork.
    """
    _refuse_others(layer, x, regions)
    fields = fields_of(layer, "psroi_pooling_param")
    depth, groups = fields.get("output_dim", 0), fields.get("group_size", 0)
    require(min(depth, groups) > 0, layer, "output_dim and group_size must be positive", "> 0")
    require(x[1] == depth * groups**2, layer, "its channels do not fit", depth * groups**2, x[1])
    return LayerShapes(((regions[0], depth, groups, groups),))


@shape("ROIAlign", bottoms=2)
def aligned(layer: Layer, x: Shape, regions: Shape) -> LayerShapes:
    """x: n c h w, regions: r 5 (1 1)  ->  r c pooled_h pooled_w.

    Source: roi_align_layer.cpp of the forks whose roi_align_param has a sampling_ratio.
    """
    _refuse_others(layer, x, regions)
    p = parameters(layer, "roi_align_param")
    require(min(p.pooled_h, p.pooled_w) > 0, layer, "pooled_h and pooled_w must be positive", "> 0")
    return LayerShapes(((regions[0], x[1], p.pooled_h, p.pooled_w),))


def _refuse_odd_points(layer: Layer, points: Shape) -> None:
    fits = len(points) >= 2 and points[1] % 2 == 0 and prod(points[2:]) == 1
    require(fits, layer, "its points need an x and a y each", "n (points 2)", text(points))


@shape("SubRegion", bottoms=3, tops=(1, 3))
def sub_region(layer: Layer, x: Shape, points: Shape, truth: Shape) -> LayerShapes:
    """x: n c h w, points and truth: n (p 2)  ->  n (p c) H W, or (p n) c H W; points twice.

    Source: sub_region_layer.cpp of happynear's fork.
    """
    require(len(x) == 4, layer, "its input needs 4 axes", "n c h w", text(x))
    require(len(layer.tops) != 2, layer, "the number of its tops is wrong", "1 or 3", 2)
    _refuse_odd_points(layer, points)
    fits = points[0] == x[0] and truth == points
    require(fits, layer, "its bottoms do not fit", f"{x[0]} (points 2)", text(truth))
    p = parameters(layer, "sub_region_param")
    sizes = [p.region_height, p.region_width, p.data_height, p.data_width]
    known = None not in sizes and min(sizes) > 0
    require(known, layer, "the sizes of region and data must be positive", "> 0", sizes)
    count = points[1] // 2
    batch, channels = (x[0], count * x[1]) if p.as_dim else (count * x[0], x[1])
    regions = (batch, channels, p.region_height, p.region_width)
    return LayerShapes((regions, points, points)[: len(layer.tops)])


@shape("Hotspot", bottoms=(1, 2))
def hotspot(layer: Layer, points: Shape, like: Shape | None = None) -> LayerShapes:
    """points: n (p 2), like: m c h w  ->  n p h w, or of the height and width that are set.

    Source: hotspot_layer.cpp of happynear's fork.
    """
    _refuse_odd_points(layer, points)
    p = parameters(layer, "hotspot_param")
    known = min(p.data_height, p.data_width) > 0
    require(known, layer, "data_height and data_width must be positive", "> 0")
    sizes = (p.output_height, p.output_width)
    if min(sizes) == 0:
        fits = like is not None and len(like) == 4
        require(fits, layer, "no size is set", "output_height and output_width, or n c h w")
    height, width = sizes if min(sizes) > 0 or like is None else like[2:]
    return LayerShapes(((points[0], points[1] // 2, height, width),))
