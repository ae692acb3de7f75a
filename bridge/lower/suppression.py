"""Non-maximum suppression: which of many boxes are left.

Formulas: ApplyNMSFast of util/bbox_util.cpp of Caffe's SSD branch;
https://onnx.ai/onnx/operators/onnx__NonMaxSuppression.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bridge.caffe.net import Layer
from bridge.errors import UnsupportedLayerError
from bridge.lower.boxes import LOWEST, filled
from bridge.lower.emitter import Emitter
from bridge.lower.values import Value


@dataclass(frozen=True)
class Thinning:
    """Non-maximum suppression as Caffe's ApplyNMSFast does it; fields as in its message."""

    threshold: float
    nms_threshold: float = 0.3
    top_k: int = -1
    eta: float = 1.0

    @classmethod
    def of(cls, layer: Layer, threshold: float, settings: Mapping[str, Any]) -> Thinning:
        """As an nms_param has it. Raises UnsupportedLayerError for what ONNX cannot do."""
        if settings.get("soft_nms"):
            raise UnsupportedLayerError(
                "soft_nms lowers the scores of boxes instead of leaving them out: ONNX has no "
                "operator that does so",
                where=layer,
                expected="soft_nms: false",
                received="soft_nms: true",
            )
        known = {name: value for name, value in settings.items() if name in _KNOWN}
        thinning = cls(threshold, **known)
        if thinning.eta < 1 and thinning.nms_threshold > 0.5:
            raise UnsupportedLayerError(
                "no ONNX operator has a threshold that shrinks as boxes are kept",
                where=layer,
                expected="eta 1, or nms_threshold at most 0.5",
                received=f"eta {thinning.eta}",
            )
        return thinning

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


_KNOWN = frozenset({"nms_threshold", "top_k", "eta"})
