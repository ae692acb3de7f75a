"""Non-maximum suppression of boxes.

Formulas: ApplyNMSFast of util/bbox_util.cpp of Caffe's SSD branch;
https://onnx.ai/onnx/operators/onnx__NonMaxSuppression.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bridge.caffe.net import Layer
from bridge.errors import UnsupportedLayerError
from bridge.lower.emitter import Emitter
from bridge.lower.rules.detection.boxes import LOWEST, full_like, gather_nd
from bridge.lower.values import FLOAT, Value


@dataclass(frozen=True)
class Suppression:
    """Non-maximum suppression like Caffe's ApplyNMSFast; fields as in its message."""

    threshold: float
    nms_threshold: float = 0.3
    top_k: int = -1
    eta: float = 1.0

    @classmethod
    def of(cls, layer: Layer, threshold: float, settings: Mapping[str, Any]) -> Suppression:
        """From an nms_param. Raises UnsupportedLayerError for what ONNX cannot do."""
        if settings.get("soft_nms"):
            raise UnsupportedLayerError(
                "soft_nms lowers the scores of boxes instead of dropping them: ONNX has no such "
                "operator",
                where=layer,
                expected="soft_nms: false",
                received="soft_nms: true",
                hint="cut the net before it with --outputs, and suppress boxes in the program that "
                "runs it; or set soft_nms: false if plain suppression will do",
            )
        known = {name: value for name, value in settings.items() if name in _KNOWN}
        suppression = cls(threshold, **known)
        if len(suppression.thresholds) > _MAX_THRESHOLDS:
            raise UnsupportedLayerError(
                "the threshold shrinks with each box that is kept, so slowly that too many steps "
                "would have to be unrolled",
                where=layer,
                expected=f"at most {_MAX_THRESHOLDS} thresholds until one is at most 0.5",
                received=f"nms_threshold {suppression.nms_threshold}, eta {suppression.eta}",
            )
        return suppression

    @property
    def thresholds(self) -> list[np.float32]:
        """The thresholds in order: after each box that is kept the next one applies, then the last
        one for all others. Down to 0.5 they shrink by `eta`."""
        values = [np.float32(self.nms_threshold)]
        while 0 < self.eta < 1 and values[-1] > 0.5 and len(values) <= _MAX_THRESHOLDS:
            values.append(values[-1] * np.float32(self.eta))
        return values

    def apply(self, e: Emitter, boxes: Value, scores: Value) -> Value:
        """boxes: n p 4, scores: n c p → d 3: image, class, box, by image, class, descending score

        ONNX swaps the corners of boxes where they are reversed; for Caffe such boxes are empty, and
        overlap with none. So they are made empty first.
        """
        if len(self.thresholds) > 1 and self.top_k != 0:
            return self._shrinking(e, e.Unsqueeze(boxes, [1]), scores)
        count = scores.fixed(2)
        low, high = e.op("Split", boxes, [2, 2], outputs=2, axis=2)
        ends = e.Concat(low, e.Max(low, high), axis=2)
        return e.NonMaxSuppression(
            ends,
            self._only_best(e, scores),
            # Scalars by the operator's text, but of 1 element in all of ONNX's own examples.
            [count],
            np.array([self.nms_threshold], np.float32),
            np.array([self.threshold], np.float32),
        )

    def apply_to_each_class(self, e: Emitter, boxes: Value, scores: Value) -> Value:
        """boxes: n c p 4, scores: n c p → d 3, like `apply`, where each class has its own boxes.

        Each class of an image is treated as an image, and separated afterwards.
        """
        if len(self.thresholds) > 1 and self.top_k != 0:
            return self._shrinking(e, boxes, scores)
        classes, count = scores.fixed(1), scores.fixed(2)
        kept = self.apply(e, e.Reshape(boxes, [-1, count, 4]), e.Reshape(scores, [-1, 1, count]))
        both, _, box = e.op("Split", kept, [1, 1, 1], outputs=3, axis=1)
        return e.Concat(e.Div(both, classes), e.Mod(both, classes), box, axis=1)

    def _only_best(self, e: Emitter, scores: Value) -> Value:
        """The scores, with all but the `top_k` best of each class set to the lowest number."""
        if not -1 < self.top_k < scores.fixed(2):
            return scores
        best, indices = e.op("TopK", scores, [self.top_k], outputs=2, axis=2)
        return e.ScatterElements(full_like(e, scores, LOWEST), indices, best, axis=2)

    def _shrinking(self, e: Emitter, boxes: Value, scores: Value) -> Value:
        """boxes: n c p 4, or n 1 p 4, scores: n c p → d 3: `apply` with a shrinking threshold.

        While there are further thresholds, boxes are kept one by one; those still open after that
        are suppressed with the last threshold.
        """
        count = scores.fixed(2) if self.top_k < 0 else min(self.top_k, scores.fixed(2))
        best, order = e.op("TopK", scores, [count], outputs=2, axis=2)
        boxes = _in_order(e, boxes, order)
        is_above = e.Greater(best, float(self.threshold))
        is_open, kept, overlaps = is_above, None, None
        for threshold in self.thresholds[1:]:
            number = e.CumSum(e.Cast(is_open, to=FLOAT), np.array(2))
            is_next = e.And(is_open, e.Equal(number, 1.0))
            mask = e.Cast(is_next, to=FLOAT)
            box = e.reduce("ReduceSum", e.Mul(boxes, e.Unsqueeze(mask, [3])), [2])
            overlap = _overlap(e, boxes, box)
            overlaps = overlap if overlaps is None else e.Max(overlaps, overlap)
            kept = mask if kept is None else e.Add(kept, mask)
            is_after = e.Greater(e.CumSum(mask, np.array(2), exclusive=1), 0.0)
            fits = e.Not(e.Greater(overlaps, np.asarray(threshold)))
            is_open = e.And(e.And(is_above, is_after), fits)
        plain = replace(self, nms_threshold=float(self.thresholds[-1]), eta=1.0, top_k=-1)
        rest = plain.apply_to_each_class(e, boxes, e.Where(is_open, best, np.float32(LOWEST)))
        kept = e.ScatterND(kept, rest, gather_nd(e, full_like(e, best, 1), rest))
        indices = e.Transpose(e.NonZero(kept), perm=[1, 0])
        box = e.Unsqueeze(gather_nd(e, order, indices), [1])
        return e.Concat(e.Slice(indices, [0], [2], [1]), box, axis=1)


def _in_order(e: Emitter, boxes: Value, order: Value) -> Value:
    """boxes: n c p 4, or n 1 p 4, order: n c k → n c k 4, those with reversed corners empty"""
    low, high = e.op("Split", boxes, [2, 2], outputs=2, axis=3)
    boxes = e.Concat(low, e.Max(low, high), axis=3)
    if boxes.shape[1] != order.shape[1]:
        boxes = e.Add(boxes, np.zeros((1, order.fixed(1), 1, 1), np.float32))
    index = e.Add(e.Unsqueeze(order, [3]), np.zeros((1, 1, 1, 4), np.int64))
    return e.GatherElements(boxes, index, axis=2)


def _overlap(e: Emitter, boxes: Value, other: Value) -> Value:
    """boxes: n c k 4, other: n c 1 4 → n c k: intersection over union"""
    low, high = e.op("Split", boxes, [2, 2], outputs=2, axis=3)
    low_, high_ = e.op("Split", other, [2, 2], outputs=2, axis=3)
    common = _area(e, e.Max(low, low_), e.Min(high, high_))
    whole = e.Sub(e.Add(_area(e, low, high), _area(e, low_, high_)), common)
    part = e.Where(e.Greater(common, 0.0), e.Div(common, whole), np.float32(0))
    return e.Squeeze(part, [3])


def _area(e: Emitter, low: Value, high: Value) -> Value:
    across, down = e.op("Split", e.Max(e.Sub(high, low), 0.0), [1, 1], outputs=2, axis=3)
    return e.Mul(across, down)


_MAX_THRESHOLDS = 100

_KNOWN = frozenset({"nms_threshold", "top_k", "eta"})
