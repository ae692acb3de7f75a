"""Layers that compute boxes: the head of an SSD net, and pooling over regions.

Formulas: detection_output_layer.cpp and util/bbox_util.cpp of Caffe's SSD branch and of
sfzhang15/RefineDet; roi_pooling_layer.cpp of Fast R-CNN's;
https://onnx.ai/onnx/operators/onnx__MaxRoiPool.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from bridge.caffe.net import Layer
from bridge.errors import UnsupportedLayerError
from bridge.lower.emitter import Emitter
from bridge.lower.rules.detection.boxes import (
    LOWEST,
    full_like,
    gather_nd,
    rows_or_placeholders,
    selected,
)
from bridge.lower.rules.detection.suppression import Suppression
from bridge.lower.table import layer
from bridge.lower.values import FLOAT, Value


@layer("ROIPooling", params="roi_pooling_param")
def roi_pooling(
    e: Emitter,
    layer: Layer,
    x: Value,
    regions: Value,
    *,
    pooled_h: int = 0,
    pooled_w: int = 0,
    spatial_scale: float = 1.0,
) -> Value:
    """x: n c h w, regions: r 5 (image, x and y of two corners) → r c pooled_h pooled_w

    The maximum in each bin of each region, whose corners are scaled and rounded.
    """
    flat = e.reshape(regions, (regions.shape[0], 5))
    return e.MaxRoiPool(x, flat, pooled_shape=[pooled_h, pooled_w], spatial_scale=spatial_scale)


@layer("DetectionOutput", params="detection_output_param")
def detection_output(
    e: Emitter,
    layer: Layer,
    location: Value,
    confidence: Value,
    priors: Value,
    is_object: Value | None = None,
    refining: Value | None = None,
    *,
    num_classes: int,
    share_location: bool = True,
    background_label_id: int = 0,
    nms_param: Mapping[str, Any] | None = None,
    code_type: str = "CORNER",
    keep_top_k: int = -1,
    variance_encoded_in_target: bool = False,
    confidence_threshold: float = LOWEST,
    objectness_score: float = 0.01,
) -> Value:
    """location: n (p l 4), confidence: n (p c), priors: 1 2 (p 4), is_object: n (p 2), refining:
    n (p 4) → 1 1 d 7: image, label, score, xmin, ymin, xmax, ymax

    The `top_k` best boxes of each class but the background's above the threshold go through
    non-maximum suppression, then the `keep_top_k` best of each image are kept; by image, label and
    descending score. If none is left in the whole batch, there is a row of -1 for each image.

    RefineDet's `refining` refines the priors; a prior that is no object by `objectness_score` has
    class 0.
    """
    suppression = Suppression.of(layer, confidence_threshold, nms_param or {})
    labels = [label for label in range(num_classes) if label != background_label_id]
    decode = partial(_decoded, e, layer, code_type, variance_encoded_in_target)
    priors, variances = _priors(e, priors)
    if refining is not None:
        priors = decode(refining, priors, variances)
    boxes = decode(location, priors, variances)
    scores = e.reshape(confidence, (confidence.shape[0], variances.fixed(1), num_classes))
    if is_object is not None:
        scores = _scores_of_objects(e, scores, is_object, objectness_score)
    scores = e.Gather(e.Transpose(scores, perm=[0, 2, 1]), labels, axis=1)
    if share_location:
        boxes = e.Squeeze(boxes, [2])
        kept = suppression.apply(e, boxes, scores)
    else:
        boxes = e.Gather(e.Transpose(boxes, perm=[0, 2, 1, 3]), labels, axis=1)
        kept = suppression.apply_to_each_class(e, boxes, scores)
    if keep_top_k > -1:
        kept = _best_of_each_image(e, kept, scores, keep_top_k)
    return _rows(e, kept, boxes, scores, labels, confidence)


def _scores_of_objects(e: Emitter, scores: Value, is_object: Value, threshold: float) -> Value:
    """scores: n p c, is_object: n (p 2) → n p c, 1 for class 0 where a prior is no object"""
    pairs = e.reshape(is_object, (*scores.shape[:2], 2))
    is_sure = e.GreaterOrEqual(e.Gather(pairs, [1], axis=2), float(threshold))
    return e.Where(is_sure, scores, np.eye(1, scores.fixed(2), dtype=np.float32)[0])


def _priors(e: Emitter, priors: Value) -> tuple[Value, Value]:
    """priors: 1 2 (p 4) → 1 p 1 4, their corners and their variances"""
    if priors.shape[0] != 1:
        priors = e.Gather(priors, [0], axis=0)  # Caffe reads only the first row
    shape = (1, priors.fixed(2) // 4, 1, 4)
    boxes, variances = e.op("Split", priors, [1, 1], outputs=2, axis=1)
    return e.reshape(boxes, shape), e.reshape(variances, shape)


def _decoded(
    e: Emitter,
    layer: Layer,
    code: str,
    encoded: bool,
    location: Value,
    boxes: Value,
    variances: Value,
) -> Value:
    """location: n (p l 4), boxes: n p 1 4, or 1 p 1 4, variances: 1 p 1 4 → n p l 4: the boxes'
    corners

    CORNER: prior + v·t. CORNER_SIZE: prior + v·t·size. CENTER_SIZE: centre + v·t·size and
    size·exp(v·t). The variances v are omitted if the targets t already have them `encoded`.
    """
    count = variances.fixed(1)
    locations = location.fixed(1) // (4 * count)
    targets = e.reshape(location, (location.shape[0], count, locations, 4))
    if not encoded:
        targets = e.Mul(targets, variances)
    if code == "CORNER":
        return e.Add(boxes, targets)
    low, high = e.op("Split", boxes, [2, 2], outputs=2, axis=3)
    size = e.Sub(high, low)
    if code == "CORNER_SIZE":
        return e.Add(boxes, e.Mul(targets, e.Concat(size, size, axis=3)))
    if code != "CENTER_SIZE":
        raise UnsupportedLayerError(f"unknown code_type {code}", where=layer)
    shift, growth = e.op("Split", targets, [2, 2], outputs=2, axis=3)
    centre = e.Add(e.Mul(shift, size), e.Mul(e.Add(low, high), 0.5))
    half = e.Mul(e.Mul(e.Exp(growth), size), 0.5)
    return e.Concat(e.Sub(centre, half), e.Add(centre, half), axis=3)


def _best_of_each_image(e: Emitter, kept: Value, scores: Value, count: int) -> Value:
    """Those of `kept` (d 3) that are among their image's `count` best, in the same order."""
    classes, boxes = scores.fixed(1), scores.fixed(2)
    candidates = e.ScatterND(full_like(e, scores, LOWEST), kept, gather_nd(e, scores, kept))
    candidates = e.Reshape(candidates, [0, -1])
    _, indices = e.op("TopK", candidates, [min(count, classes * boxes)], outputs=2, axis=1)
    ones = full_like(e, e.Cast(indices, to=FLOAT), 1)
    is_best = e.ScatterElements(full_like(e, candidates, 0), indices, ones, axis=1)
    is_best = gather_nd(e, e.Reshape(is_best, [0, classes, boxes]), kept)
    return selected(e, kept, is_best)


def _rows(
    e: Emitter,
    kept: Value,
    boxes: Value,
    scores: Value,
    labels: Sequence[int],
    images: Value,
) -> Value:
    """Caffe's table: a row for each of `kept`, or a row of -1 for each of the `images`."""
    image, kind, box = e.op("Split", kept, [1, 1, 1], outputs=3, axis=1)
    index = e.Concat(image, box, axis=1) if boxes.rank == 3 else kept
    rows = e.Concat(
        e.Cast(image, to=FLOAT),
        e.Gather(np.array(labels, np.float32), kind),
        e.Unsqueeze(gather_nd(e, scores, kept), [1]),
        gather_nd(e, boxes, index),
        axis=1,
    )
    return e.Unsqueeze(rows_or_placeholders(e, rows, images), [0, 1])
