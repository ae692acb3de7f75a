"""Layers that propose regions.

Formulas: lib/rpn/proposal_layer.py and generate_anchors.py of py-faster-rcnn, those of SSH;
proposal_layer.cpp of Intel's, OpenVINO's and mini-caffe's forks;
https://onnx.ai/onnx/operators/onnx__NonMaxSuppression.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.caffe.net import Layer
from bridge.caffe.shapes.detection.proposal import RATIOS, SCALES
from bridge.lower.emitter import Emitter
from bridge.lower.rules.detection.boxes import LOWEST, length, selected
from bridge.lower.table import layer
from bridge.lower.values import BOOL, FLOAT, Value
from bridge.types import Array

_EXCLUDED = LOWEST
"""The score of a box that must not be selected."""


@layer("Proposal", params="proposal_param")
def proposal(
    e: Emitter,
    layer: Layer,
    scores: Value,
    deltas: Value,
    image: Value,
    *,
    feat_stride: int = 16,
    base_size: int = 16,
    min_size: int = 16,
    ratio: Sequence[float] = (),
    scale: Sequence[float] = (),
    pre_nms_topn: int = 6000,
    post_nms_topn: int = 300,
    nms_thresh: float = 0.7,
) -> tuple[Value, ...]:
    """scores: 1 (2 a) h w, deltas: 1 (a 4) h w, image: 1 3 (height, width, scale)
    → r 5 (0 and a box's corners); its score, r

    A box that is too small gets the score 0, and may be selected with it. A fourth number of the
    image is the scale of its width.
    """
    anchors = _anchors(base_size, ratio, scale, lambda x: np.floor(x + 0.5))
    scales = [3, 2] if image.fixed(1) > 3 else [2, 2]
    candidates = _Proposals.of_map(e, scores, deltas, image, anchors, feat_stride)
    large = candidates.large(e, image, min_size, scales)
    best = candidates.scored(e.Mul(candidates.scores, large)).best(e, pre_nms_topn)
    kept = best.suppressed(e, nms_thresh, post_nms_topn)
    return (kept.rows(e), kept.scores)[: len(e.tops)]


@layer("rpn.proposal_layer.ProposalLayer", params="python_param")
def python_proposal(
    e: Emitter,
    layer: Layer,
    scores: Value,
    deltas: Value,
    image: Value,
    *,
    feat_stride: int,
    base_size: int = 16,
    ratios: Sequence[float] = RATIOS,
    scales: Sequence[float] = SCALES,
    pre_nms_topn: int,
    post_nms_topn: int,
    nms_thresh: float,
    min_size: float,
) -> tuple[Value, ...]:
    """scores: 1 (2 a) h w, deltas: 1 (a 4) h w, image: 1 3 (height, width, scale)
    → r 5 (0 and a box's corners); its score, r 1

    Boxes that are too small are dropped. A number of boxes of 0 means all.
    """
    anchors = _anchors(base_size, ratios, scales, np.round)
    candidates = _Proposals.of_map(e, scores, deltas, image, anchors, feat_stride)
    best = candidates.without_small(e, image, min_size).best(e, pre_nms_topn)
    kept = best.suppressed(e, nms_thresh, post_nms_topn)
    return (kept.rows(e), e.Unsqueeze(kept.scores, [1]))[: len(e.tops)]


@layer("SSH.layers.proposal_layer.ProposalLayer", params="python_param")
def face_proposal(
    e: Emitter,
    layer: Layer,
    scores: Value,
    deltas: Value,
    image: Value,
    *,
    feat_stride: int,
    base_size: int = 16,
    ratios: Sequence[float] = RATIOS,
    scales: Sequence[float] = SCALES,
    pre_nms_topn: int,
    min_size: float,
) -> tuple[Value, ...]:
    """Like py-faster-rcnn's, but the result is the best boxes, even if they overlap; if all are too
    small, it is a box 0 0 16 16, without a score."""
    anchors = _anchors(base_size, ratios, scales, np.round)
    candidates = _Proposals.of_map(e, scores, deltas, image, anchors, feat_stride)
    best = candidates.without_small(e, image, min_size).best(e, pre_nms_topn)
    kept = best.selected(e, e.Greater(best.scores, _EXCLUDED))
    is_empty = e.Equal(length(e, kept.scores), [0])
    default = selected(e, np.array([[0, 0, 0, 16, 16]], np.float32), is_empty)
    rows = e.Concat(kept.rows(e), default, axis=0)
    return (rows, e.Unsqueeze(kept.scores, [1]))[: len(e.tops)]


def _anchors(
    base: int,
    ratios: Sequence[float],
    scales: Sequence[float],
    whole: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """→ (ratio scale) 4: the corners of boxes around the centre of 0 0 base-1 base-1

    For each ratio of height to width, with sides rounded by `whole`, and each scale.
    """
    widths = whole(np.sqrt(base**2 / np.asarray(ratios, np.float64)))
    sides = np.stack([widths, whole(widths * ratios)], axis=-1)
    half = (sides[:, None] * np.asarray(scales, np.float64)[:, None] - 1) / 2
    centre = (base - 1) / 2
    return np.concatenate([centre - half, centre + half], axis=-1).reshape(-1, 4)


def _at_each_position(anchors: NDArray[np.float64], stride: int, rows: int, columns: int) -> Array:
    """→ (h w a) 4: the anchors at each position of a map"""
    y, x = np.mgrid[:rows, :columns] * stride
    shifts = np.stack([x, y, x, y], axis=-1)
    return (shifts[:, :, None] + anchors).reshape(-1, 4).astype(np.float32)


@dataclass(frozen=True)
class _Proposals:
    """boxes: k 4, scores: k"""

    boxes: Value
    scores: Value

    @classmethod
    def of_map(
        cls,
        e: Emitter,
        scores: Value,
        deltas: Value,
        image: Value,
        anchors: NDArray[np.float64],
        stride: int,
    ) -> _Proposals:
        """A box per anchor and position, shifted and scaled by the deltas, clipped to the image

        centre + d·size and size·exp(d), where a box's size is its corners' distance plus one.
        """
        count, rows, columns = len(anchors), scores.fixed(2), scores.fixed(3)
        boxes = _at_each_position(anchors, stride, rows, columns)
        size = boxes[:, 2:] - boxes[:, :2] + 1
        centre = boxes[:, :2] + size * np.float32(0.5)
        _, foreground = e.op("Split", scores, [count, count], outputs=2, axis=1)
        shifts, scales = e.op("Split", _per_anchor(e, deltas, 4), [2, 2], outputs=2, axis=1)
        centres = e.Add(e.Mul(shifts, size), centre)
        half = e.Mul(e.Mul(e.Exp(scales), size), 0.5)
        corners = e.Concat(e.Sub(centres, half), e.Add(centres, half), axis=1)
        last = e.Sub(_of_image(e, image, [1, 0, 1, 0]), 1.0)
        return cls(e.Max(e.Min(corners, last), 0.0), e.Reshape(_per_anchor(e, foreground, 1), [-1]))

    def scored(self, scores: Value) -> _Proposals:
        return _Proposals(self.boxes, scores)

    def large(self, e: Emitter, image: Value, least: float, scales: Sequence[int]) -> Value:
        """→ k: 1 if both sides are at least `least` at the image's scales, else 0"""
        low, high = e.op("Split", self.boxes, [2, 2], outputs=2, axis=1)
        sides = e.Add(e.Sub(high, low), 1.0)
        is_large = e.GreaterOrEqual(sides, e.Mul(_of_image(e, image, scales), float(least)))
        return e.reduce("ReduceMin", e.Cast(is_large, to=FLOAT), [1], keepdims=False)

    def without_small(self, e: Emitter, image: Value, least: float) -> _Proposals:
        is_large = e.Cast(self.large(e, image, least, [2, 2]), to=BOOL)
        return self.scored(e.Where(is_large, self.scores, _EXCLUDED))

    def best(self, e: Emitter, count: int) -> _Proposals:
        """The `count` boxes with the highest scores, in descending order; all if that is 0."""
        known = self.scores.fixed(0)
        scores, indices = e.op("TopK", self.scores, [min(count, known) or known], outputs=2, axis=0)
        return _Proposals(e.Gather(self.boxes, indices), scores)

    def suppressed(self, e: Emitter, threshold: float, count: int) -> _Proposals:
        """At most `count` boxes, without those that overlap a better one by more than the threshold

        The corners' positions belong to a box, so for ONNX its far corner is one further.
        """
        boxes = e.Add(self.boxes, np.array([0, 0, 1, 1], np.float32))
        kept = e.NonMaxSuppression(
            e.Unsqueeze(boxes, [0]),
            e.Unsqueeze(self.scores, [0, 1]),
            [count or self.scores.fixed(0)],
            np.array([threshold], np.float32),
            np.array([_EXCLUDED], np.float32),
        )
        indices = e.Reshape(e.Gather(kept, [2], axis=1), [-1])
        return _Proposals(e.Gather(self.boxes, indices), e.Gather(self.scores, indices))

    def selected(self, e: Emitter, condition: Value) -> _Proposals:
        return _Proposals(*(selected(e, x, condition) for x in (self.boxes, self.scores)))

    def rows(self, e: Emitter) -> Value:
        """→ k 5: the index of the image, 0, before each box"""
        return e.Pad(self.boxes, [0, 1, 0, 0], np.float32(0))


def _per_anchor(e: Emitter, x: Value, size: int) -> Value:
    """1 (a size) h w → (h w a) size"""
    return e.Reshape(e.Transpose(x, perm=[0, 2, 3, 1]), [-1, size])


def _of_image(e: Emitter, image: Value, indices: Sequence[int]) -> Value:
    """image: 1 3 … → some of its numbers"""
    return e.Gather(e.Reshape(image, [-1]), list(indices))
