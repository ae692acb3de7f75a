"""Shapes of the layers around boxes, of the SSD branch and of R-CNN."""

from __future__ import annotations

from math import isfinite, prod
from typing import Any

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import (
    DYNAMIC,
    LayerShapes,
    fields_of,
    parameters,
    require,
    shape,
    text,
)


@shape("PriorBox", bottoms=2)
def prior_box(layer: Layer, features: Shape, image: Shape) -> LayerShapes:
    """features: n c h w, image: n c H W  ->  1 2 (h w priors 4): boxes, then their variances.

    Source: the SSD branch's prior_box_layer.cpp; those of lippman1125/faceboxes_lqy (`fixed_size`)
    and MhLiao/TextBoxes_plusplus (`denser_prior_boxes`); OpenCV's (several `offset_h`).
    """
    for x in (features, image):
        require(len(x) == 4, layer, "its inputs need 4 axes", "n c h w", text(x))
    p = parameters(layer, "prior_box_param")
    for name in ("min_size", "max_size", "aspect_ratio", "fixed_size", "fixed_ratio"):
        sizes = getattr(p, name)
        require(all(map(isfinite, sizes)), layer, f"{name} must be finite", "numbers", sizes)
    flat = [ratio for ratio in p.aspect_ratio if ratio <= 0]
    require(not flat, layer, "aspect_ratio must be positive", "> 0", flat)
    require(
        len(p.variance) in (0, 1, 4), layer, "variance does not match a box", "1 or 4", p.variance
    )
    of_fork = p.fixed_size or p.fixed_ratio or p.density
    priors = _tiled(layer, p) if of_fork else _around_centres(layer, p) * _offsets(layer, p)
    return LayerShapes(((1, 2, features[2] * features[3] * priors * 4),))


def _around_centres(layer: Layer, p: Any) -> int:
    small, large = p.min_size, p.max_size
    require(bool(small), layer, "min_size is missing", "one or more", 0)
    require(min(small) > 0, layer, "min_size must be positive", "> 0", small)
    paired = not large or len(large) == len(small)
    require(paired, layer, "max_size does not match min_size", len(small), len(large))
    larger = all(most > least for least, most in zip(small, large, strict=False))
    require(larger, layer, "max_size must be above min_size", f"> {small}", large)
    return len(small) * len(aspect_ratios(p.aspect_ratio, p.flip)) + len(large)


def _offsets(layer: Layer, p: Any) -> int:
    """The number of points per position around which boxes are centred."""
    count = len(p.offset_h)
    paired = count == len(p.offset_w)
    require(paired, layer, "offset_h does not match offset_w", count, len(p.offset_w))
    beside = fields_of(layer, "prior_box_param").keys() & {"offset", "denser_prior_boxes"}
    require(
        not (count and beside),
        layer,
        "offset_h and offset_w are set together with other offsets",
        "alone",
        beside,
    )
    # OpenCV allocates 2 (count - 1) of them.
    require(count <= 2, layer, "more offsets than any implementation supports", "at most 2", count)
    return count or 1 + p.denser_prior_boxes


def _tiled(layer: Layer, p: Any) -> int:
    """The number of boxes of fixed sizes.

    With several fixed ratios, or with min_size, FaceBoxes writes more boxes than it counts, beyond
    the end of its top: that is refused.
    """
    fits = 0 < len(p.fixed_size) == len(p.density)
    require(fits, layer, "density does not match fixed_size", len(p.fixed_size), len(p.density))
    for name, values in (("fixed_size", p.fixed_size), ("density", p.density)):
        whole = all(value == int(value) > 0 for value in values)
        require(whole, layer, f"{name} must be positive whole numbers", "1, 2, ...", values)
    sparse = all(d <= size for d, size in zip(p.density, p.fixed_size, strict=True))
    require(sparse, layer, "density is above fixed_size", text(p.fixed_size), text(p.density))
    beside = {"min_size", "max_size", "offset_h", "offset_w", "denser_prior_boxes"}
    beside = beside & fields_of(layer, "prior_box_param").keys()
    require(
        not beside, layer, "fixed_size is set together with other boxes", "fixed_size alone", beside
    )
    one = len(p.fixed_ratio) <= (not p.aspect_ratio) and all(r > 0 for r in p.fixed_ratio)
    wanted = "one fixed_ratio, or several of aspect_ratio"
    require(one, layer, "its ratios mix two kinds of boxes", wanted, p.fixed_ratio)
    ratios = len(p.fixed_ratio) or len(aspect_ratios(p.aspect_ratio, p.flip))
    return ratios * sum(int(density) ** 2 for density in p.density)


def aspect_ratios(named: list[float], flip: bool) -> list[float]:
    """All ratios of a PriorBox: 1, the named ones, and inverses if flipped, without duplicates."""
    ratios = [1.0]
    for ratio in named:
        if all(abs(ratio - known) >= 1e-6 for known in ratios):
            ratios += [ratio, 1 / ratio] if flip else [ratio]
    return ratios


@shape("DetectionOutput", bottoms=(3, 5))
def detection_output(
    layer: Layer, loc: Shape, conf: Shape, priors: Shape, *refining: Shape
) -> LayerShapes:
    """loc: n (priors classes 4), conf: n (priors classes), priors: 1 2 (priors 4)  ->  1 1 k 7.

    The number of detections k is dynamic. Source: detection_output_layer.cpp of SSD; and of
    sfzhang15/RefineDet, with two more bottoms, n (priors 2) and n (priors 4).
    """
    p = parameters(layer, "detection_output_param")
    alone = p.share_location or len(refining) < 2
    require(
        alone, layer, "refined boxes must be shared by the classes", "share_location: true", False
    )
    require(p.num_classes > 0, layer, "num_classes is missing", "> 0", p.num_classes)
    require(len(priors) >= 3, layer, "its priors need 3 axes", "1 2 (priors 4)", text(priors))
    count = priors[2] // 4
    boxes = count * (1 if p.share_location else p.num_classes) * 4
    more = zip(("arm_conf", "arm_loc"), refining, (2 * count, 4 * count), strict=False)
    for what, x, size in (("loc", loc, boxes), ("conf", conf, count * p.num_classes), *more):
        fits = len(x) >= 2 and x[0] == loc[0] and x[1] == size
        require(fits, layer, f"{what} does not fit its priors", f"{loc[0]} {size}", text(x))
    return LayerShapes(((1, 1, DYNAMIC, 7),))


@shape("ROIPooling", bottoms=2)
def roi_pooling(layer: Layer, x: Shape, regions: Shape) -> LayerShapes:
    """x: n c h w, regions: r 5 (1 1)  ->  r c pooled_h pooled_w.

    Source: roi_pooling_layer.cpp of Fast R-CNN's fork.
    """
    require(len(x) == 4, layer, "its input needs 4 axes", "n c h w", text(x))
    fits = len(regions) >= 2 and prod(regions[1:]) == 5
    require(fits, layer, "its regions need 5 numbers each", "r 5", text(regions))
    p = parameters(layer, "roi_pooling_param")
    require(min(p.pooled_h, p.pooled_w) > 0, layer, "pooled_h and pooled_w must be positive", "> 0")
    return LayerShapes(((regions[0], x[1], p.pooled_h, p.pooled_w),))
