"""Shapes of the layers that propose regions."""

from __future__ import annotations

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

# The ratios of py-faster-rcnn's anchors, and its scales where param_str sets no others.
RATIOS = (0.5, 1, 2)
SCALES = (8, 16, 32)


@shape("Proposal", bottoms=3, tops=(1, 2))
def proposal(layer: Layer, scores: Shape, deltas: Shape, image: Shape) -> LayerShapes:
    """scores: 1 (2 a) h w, deltas: 1 (a 4) h w, image: 1 3  ->  r 5, and the scores r.

    Source: proposal_layer.cpp of the forks with R-CNN in C++.
    """
    p = parameters(layer, "proposal_param")
    require(bool(p.ratio), layer, "ratio is missing", "one or more")
    require(bool(p.scale), layer, "scale is missing", "one or more")
    _refuse_others(layer, len(p.ratio) * len(p.scale), scores, deltas, image)
    return LayerShapes(((DYNAMIC, 5), (DYNAMIC,))[: len(layer.tops)])


@shape(
    "rpn.proposal_layer.ProposalLayer",
    "SSH.layers.proposal_layer.ProposalLayer",
    bottoms=3,
    tops=(1, 2),
)
def python_proposal(layer: Layer, scores: Shape, deltas: Shape, image: Shape) -> LayerShapes:
    """scores: 1 (2 a) h w, deltas: 1 (a 4) h w, image: 1 3  ->  r 5, and the scores r 1.

    Source: lib/rpn/proposal_layer.py of py-faster-rcnn, SSH/layers/proposal_layer.py of SSH.
    """
    fields = fields_of(layer, "python_param")
    anchors = len(fields.get("ratios", RATIOS)) * len(fields.get("scales", SCALES))
    _refuse_others(layer, anchors, scores, deltas, image)
    return LayerShapes(((DYNAMIC, 5), (DYNAMIC, 1))[: len(layer.tops)])


def _refuse_others(layer: Layer, anchors: int, scores: Shape, deltas: Shape, image: Shape) -> None:
    require(scores[0] == 1, layer, "it proposes for one image at a time", 1, scores[0])
    for what, x, size in (("scores", scores, 2), ("deltas", deltas, 4)):
        fits = len(x) == 4 and x[:2] == (1, size * anchors) and x[2:] == scores[2:]
        wanted = f"1 {size * anchors} {text(scores[2:])}"
        require(fits, layer, f"its {what} do not fit its {anchors} anchors", wanted, text(x))
    fits = len(image) >= 2 and image[0] == 1 and image[1] >= 3
    require(fits, layer, "it needs height, width and scale of the image", "1 3", text(image))
