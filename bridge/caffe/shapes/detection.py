"""Shapes of the layers around boxes, of the SSD branch and of R-CNN."""

from __future__ import annotations

from math import prod

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import DYNAMIC, Demand, parameters, require, shape, text


@shape("PriorBox", bottoms=2)
def prior_box(layer: Layer, features: Shape, image: Shape) -> Demand:
    """features: n c h w, image: n c H W  ->  1 2 (h w priors 4): boxes, then their variances.

    Source: the SSD branch's prior_box_layer.cpp.
    """
    for x in (features, image):
        require(len(x) == 4, layer, "its inputs need 4 axes", "n c h w", text(x))
    p = parameters(layer, "prior_box_param")
    small, large = p.min_size, p.max_size
    require(bool(small), layer, "min_size is missing", "one or more", 0)
    require(min(small) > 0, layer, "min_size must be positive", "> 0", small)
    paired = not large or len(large) == len(small)
    require(paired, layer, "max_size does not fit min_size", len(small), len(large))
    larger = all(most > least for least, most in zip(small, large, strict=False))
    require(larger, layer, "max_size must be above min_size", f"> {small}", large)
    flat = [ratio for ratio in p.aspect_ratio if ratio <= 0]
    require(not flat, layer, "aspect_ratio must be positive", "> 0", flat)
    require(len(p.variance) in (0, 1, 4), layer, "variance fits no box", "1 or 4", p.variance)
    priors = len(small) * len(aspect_ratios(p.aspect_ratio, p.flip)) + len(large)
    return Demand(((1, 2, features[2] * features[3] * priors * 4),))


def aspect_ratios(given: list[float], flip: bool) -> list[float]:
    """All ratios of a PriorBox: 1, those given, their inverses if flipped, without duplicates."""
    ratios = [1.0]
    for ratio in given:
        if all(abs(ratio - known) >= 1e-6 for known in ratios):
            ratios += [ratio, 1 / ratio] if flip else [ratio]
    return ratios


@shape("DetectionOutput", bottoms=(3, None))
def detection_output(layer: Layer, loc: Shape, conf: Shape, priors: Shape, *_: Shape) -> Demand:
    """loc: n (priors classes 4), conf: n (priors classes), priors: 1 2 (priors 4)  ->  1 1 k 7.

    How many detections k there are, the data say. Source: detection_output_layer.cpp of SSD.
    """
    p = parameters(layer, "detection_output_param")
    require(p.num_classes > 0, layer, "num_classes is missing", "> 0", p.num_classes)
    require(len(priors) >= 3, layer, "its priors need 3 axes", "1 2 (priors 4)", text(priors))
    count = priors[2] // 4
    boxes = count * (1 if p.share_location else p.num_classes) * 4
    for what, x, size in (("loc", loc, boxes), ("conf", conf, count * p.num_classes)):
        fits = len(x) >= 2 and x[0] == loc[0] and x[1] == size
        require(fits, layer, f"{what} does not fit its priors", f"{loc[0]} {size}", text(x))
    return Demand(((1, 1, DYNAMIC, 7),))


@shape("ROIPooling", bottoms=2)
def roi_pooling(layer: Layer, x: Shape, regions: Shape) -> Demand:
    """x: n c h w, regions: r 5 (1 1)  ->  r c pooled_h pooled_w.

    Source: roi_pooling_layer.cpp of Fast R-CNN's fork.
    """
    require(len(x) == 4, layer, "its input needs 4 axes", "n c h w", text(x))
    fits = len(regions) >= 2 and prod(regions[1:]) == 5
    require(fits, layer, "its regions need 5 numbers each", "r 5", text(regions))
    p = parameters(layer, "roi_pooling_param")
    require(min(p.pooled_h, p.pooled_w) > 0, layer, "pooled_h and pooled_w must be positive", "> 0")
    return Demand(((regions[0], x[1], p.pooled_h, p.pooled_w),))
