"""Layers around boxes: the head of an SSD net, and pooling over regions.

Formulas: prior_box_layer.cpp, detection_output_layer.cpp and util/bbox_util.cpp of Caffe's SSD
branch, roi_pooling_layer.cpp of Fast R-CNN's; https://onnx.ai/onnx/operators/
onnx__NonMaxSuppression.html, onnx__MaxRoiPool.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from bridge.caffe.net import Layer
from bridge.caffe.shapes.detection import aspect_ratios
from bridge.errors import UnsupportedLayerError
from bridge.lower.boxes import LOWEST, at_places, chosen, filled, or_a_row_for_each
from bridge.lower.emitter import Emitter
from bridge.lower.table import layer
from bridge.lower.values import FLOAT, Value


@layer("PriorBox", params="prior_box_param")
def prior_box(
    e: Emitter,
    layer: Layer,
    x: Value,
    image: Value,
    *,
    min_size: Sequence[float] = (),
    max_size: Sequence[float] = (),
    aspect_ratio: Sequence[float] = (),
    flip: bool = True,
    clip: bool = False,
    variance: Sequence[float] = (),
    img_size: int = 0,
    img_h: int = 0,
    img_w: int = 0,
    step: float = 0.0,
    step_h: float = 0.0,
    step_w: float = 0.0,
    offset: float = 0.5,
) -> Value:
    """x: n c h w, image: n c H W → 1 2 (h w priors 4): boxes as parts of the image, and variances

    A constant, for it depends on the shapes alone.
    """
    rows, columns = x.fixed(2), x.fixed(3)
    image_height = img_h or img_size or image.fixed(2)
    image_width = img_w or img_size or image.fixed(3)
    step_y = step_h or step or image_height / rows
    step_x = step_w or step or image_width / columns
    sizes = np.array(_prior_sizes(min_size, max_size, aspect_ratios(list(aspect_ratio), flip)))
    centres = np.stack(
        np.meshgrid((np.arange(columns) + offset) * step_x, (np.arange(rows) + offset) * step_y),
        axis=-1,
    )[:, :, None]
    corners = np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=-1)
    boxes = corners / [image_width, image_height, image_width, image_height]
    if clip:
        boxes = boxes.clip(0, 1)
    variances = np.broadcast_to(list(variance) or [0.1], boxes.shape)
    priors = np.stack([boxes.reshape(-1), variances.reshape(-1)])[None]
    return e.constant(priors.astype(np.float32), "priors")


def _prior_sizes(
    min_size: Sequence[float], max_size: Sequence[float], ratios: Sequence[float]
) -> list[tuple[float, float]]:
    """Width and height of each prior. Caffe holds the sizes as integers, and cuts them so."""
    sizes: list[tuple[float, float]] = []
    for index, smaller in enumerate(map(int, min_size)):
        sizes.append((smaller, smaller))
        if max_size:
            between = sqrt(smaller * int(max_size[index]))
            sizes.append((between, between))
        others = (sqrt(ratio) for ratio in ratios if abs(ratio - 1) >= 1e-6)
        sizes += [(smaller * root, smaller / root) for root in others]
    return sizes


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

    The greatest number in each bin of each region, whose corners are scaled and rounded.
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
    *,
    num_classes: int,
    share_location: bool = True,
    background_label_id: int = 0,
    nms_param: Mapping[str, Any] | None = None,
    code_type: str = "CORNER",
    keep_top_k: int = -1,
    variance_encoded_in_target: bool = False,
    confidence_threshold: float = LOWEST,
) -> Value:
    """location: n (p l 4), confidence: n (p c), priors: 1 2 (p 4)
    → 1 1 d 7: image, label, score, xmin, ymin, xmax, ymax

    Of each class but the background's the `top_k` best boxes above the threshold are thinned out,
    then the `keep_top_k` best of each image are left; by image, label and falling score. Where
    none is left in the whole batch, there is a row of -1 for each image.
    """
    thinning = _Thinning(confidence_threshold, **(nms_param or {}))
    thinning.refuse_adaptive(layer)
    count = priors.fixed(2) // 4
    labels = [label for label in range(num_classes) if label != background_label_id]
    boxes = _decoded(e, layer, location, priors, code_type, variance_encoded_in_target)
    scores = e.Transpose(
        e.reshape(confidence, (confidence.shape[0], count, num_classes)), perm=[0, 2, 1]
    )
    scores = e.Gather(scores, labels, axis=1)
    if share_location:
        boxes = e.Squeeze(boxes, [2])
        found = thinning.apply(e, boxes, scores)
    else:
        boxes = e.Gather(e.Transpose(boxes, perm=[0, 2, 1, 3]), labels, axis=1)
        found = thinning.apply_to_each_class(e, boxes, scores)
    if keep_top_k > -1:
        found = _best_of_each_image(e, found, scores, keep_top_k)
    return _rows(e, found, boxes, scores, labels, confidence)


@dataclass(frozen=True)
class _Thinning:
    """Non-maximum suppression as Caffe's ApplyNMSFast does it; fields as in its message."""

    threshold: float
    nms_threshold: float = 0.3
    top_k: int = -1
    eta: float = 1.0

    def refuse_adaptive(self, layer: Layer) -> None:
        if self.eta < 1 and self.nms_threshold > 0.5:
            raise UnsupportedLayerError(
                "no ONNX operator has a threshold that shrinks as boxes are kept",
                where=layer,
                expected="eta 1, or nms_threshold at most 0.5",
                received=f"eta {self.eta}",
            )

    def apply(self, e: Emitter, boxes: Value, scores: Value) -> Value:
        """boxes: n p 4, scores: n c p → d 3: image, class, box, by image, class, falling score

        ONNX turns boxes round whose ends are exchanged; for Caffe they are empty, and overlap
        with none. So such a box is made empty first.
        """
        count = scores.fixed(2)
        low, high = e.op("Split", boxes, [2, 2], outputs=2, axis=2)
        ends = e.Concat(low, e.Max(low, high), axis=2)
        return e.NonMaxSuppression(
            ends,
            self._only_best(e, scores),
            # Scalars by the text of the operator, but in all of ONNX's own examples 1-element.
            [count],
            np.array([self.nms_threshold], np.float32),
            np.array([self.threshold], np.float32),
        )

    def apply_to_each_class(self, e: Emitter, boxes: Value, scores: Value) -> Value:
        """boxes: n c p 4, scores: n c p → d 3, as `apply`, where each class has its own boxes.

        A class of an image is taken for an image, and told apart afterwards.
        """
        classes, count = scores.fixed(1), scores.fixed(2)
        found = self.apply(e, e.Reshape(boxes, [-1, count, 4]), e.Reshape(scores, [-1, 1, count]))
        both, _, box = e.op("Split", found, [1, 1, 1], outputs=3, axis=1)
        return e.Concat(e.Div(both, classes), e.Mod(both, classes), box, axis=1)

    def _only_best(self, e: Emitter, scores: Value) -> Value:
        """The scores, with all but the `top_k` best of each class at the lowest number."""
        if not -1 < self.top_k < scores.fixed(2):
            return scores
        best, places = e.op("TopK", scores, [self.top_k], outputs=2, axis=2)
        return e.ScatterElements(filled(e, scores, LOWEST), places, best, axis=2)


def _decoded(
    e: Emitter, layer: Layer, location: Value, priors: Value, code: str, encoded: bool
) -> Value:
    """location: n (p l 4), priors: 1 2 (p 4) → n p l 4: the boxes' corners

    CORNER: prior + v·t. CORNER_SIZE: prior + v·t·size. CENTER_SIZE: centre + v·t·size and
    size·exp(v·t). The variances v are left out where the targets t have them `encoded` already.
    """
    count = priors.fixed(2) // 4
    locations = location.fixed(1) // (4 * count)
    targets = e.reshape(location, (location.shape[0], count, locations, 4))
    if priors.shape[0] != 1:
        priors = e.Gather(priors, [0], axis=0)  # Caffe looks at the first row alone
    boxes, variances = (
        e.reshape(part, (1, count, 1, 4))
        for part in e.op("Split", priors, [1, 1], outputs=2, axis=1)
    )
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


def _best_of_each_image(e: Emitter, found: Value, scores: Value, count: int) -> Value:
    """Those of `found` (d 3) that are among their image's `count` best, in the same order."""
    classes, boxes = scores.fixed(1), scores.fixed(2)
    among = e.ScatterND(filled(e, scores, LOWEST), found, at_places(e, scores, found))
    among = e.Reshape(among, [0, -1])
    _, places = e.op("TopK", among, [min(count, classes * boxes)], outputs=2, axis=1)
    ones = filled(e, e.Cast(places, to=FLOAT), 1)
    kept = e.ScatterElements(filled(e, among, 0), places, ones, axis=1)
    kept = at_places(e, e.Reshape(kept, [0, classes, boxes]), found)
    return chosen(e, found, kept)


def _rows(
    e: Emitter,
    found: Value,
    boxes: Value,
    scores: Value,
    labels: Sequence[int],
    images: Value,
) -> Value:
    """Caffe's table: a row for each of `found`, or a row of -1 for each of the `images`."""
    image, kind, box = e.op("Split", found, [1, 1, 1], outputs=3, axis=1)
    where = e.Concat(image, box, axis=1) if boxes.rank == 3 else found
    rows = e.Concat(
        e.Cast(image, to=FLOAT),
        e.Gather(np.array(labels, np.float32), kind),
        e.Unsqueeze(at_places(e, scores, found), [1]),
        at_places(e, boxes, where),
        axis=1,
    )
    return e.Unsqueeze(or_a_row_for_each(e, rows, images), [0, 1])
