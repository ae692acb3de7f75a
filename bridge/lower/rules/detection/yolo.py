"""Layers that compute YOLO's boxes.

Formulas: reorg_layer.cpp, yolo_detection_output_layer.cpp and yolov3_detection_output_layer.cpp of
eric612's forks, which follow darknet; region_layer.cpp of OpenVINO's;
https://onnx.ai/onnx/operators/onnx__NonMaxSuppression.html, onnx__SpaceToDepth.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bridge.caffe.net import Layer
from bridge.errors import UnsupportedLayerError
from bridge.lower.emitter import Emitter
from bridge.lower.rules.detection.boxes import next_below, rows_or_placeholders
from bridge.lower.table import layer
from bridge.lower.values import FLOAT, Value
from bridge.types import Array


@layer("Reorg", params="reorg_param")
def reorg(e: Emitter, layer: Layer, x: Value, *, stride: int, reverse: bool = False) -> Value:
    """x: n c (h s) (w s) → n (c s s) h w; in reverse x: n (s s c) h w → n c (h s) (w s)

    As in darknet, the forward direction reads x's numbers as n (c / s s) (h s s) (w s s).
    """
    if reverse:
        return e.DepthToSpace(x, blocksize=stride)
    batch, channels, rows, columns = x.shape[0], x.fixed(1), x.fixed(2), x.fixed(3)
    darknets = (batch, channels // stride**2, rows * stride, columns * stride)
    return e.reshape(e.SpaceToDepth(e.reshape(x, darknets), blocksize=stride), e.tops[0])


@layer("Region", params="region_param")
def region(e: Emitter, layer: Layer, x: Value, *, num: int, coords: int, classes: int) -> Value:
    """x: n (a (coords 1 classes)) h w → the same, activated

    Sigmoid of the first two coords and of the score after the coords, softmax of the classes.
    """
    parts = [2, coords - 2, 1, classes]
    boxes = e.reshape(x, (x.shape[0], num, sum(parts), x.fixed(2), x.fixed(3)))
    centre, size, score, scores = e.op("Split", boxes, parts, outputs=4, axis=2)
    activated = (e.Sigmoid(centre), size, e.Sigmoid(score), e.Softmax(scores, axis=2))
    return e.reshape(e.Concat(*activated, axis=2), x.shape)


@layer("YoloDetectionOutput", params="yolo_detection_output_param")
def yolo2_detection_output(
    e: Emitter,
    layer: Layer,
    *maps: Value,
    num_classes: int = 20,
    num_box: int = 5,
    biases: Sequence[float] = (),
    confidence_threshold: float = 0.01,
    nms_threshold: float = 0.45,
    side: int = 13,
    coords: int = 4,
    label_map_file: str = "",
) -> Value:
    """maps: n (a (4 1 classes)) s s, each → 1 1 d 7: 0, label, score, xmin, ymin, xmax, ymax

    (position + sigmoid t) / s and size · exp(t) / s    score: sigmoid · the best class's softmax
    """
    sizes = np.reshape(biases, (-1, 2))[:num_box]
    boxes = []
    for x in maps:
        own = (sizes / x.fixed(3)).astype(np.float32)
        boxes.append(_boxes(e, x, num_classes, own, lambda e, x: e.Softmax(x, axis=2)))
    return _suppressed(e, boxes, next_below(confidence_threshold), nms_threshold, maps[0])


@layer("Yolov3DetectionOutput", params="yolov3_detection_output_param")
def yolo3_detection_output(
    e: Emitter,
    layer: Layer,
    *maps: Value,
    num_classes: int = 20,
    num_box: int = 3,
    biases: Sequence[float] = (),
    mask: Sequence[int] = (),
    mask_group_num: int = 2,
    anchors_scale: Sequence[int] = (),
    confidence_threshold: float = 0.01,
    nms_threshold: float = 0.45,
) -> Value:
    """maps: n (a (4 1 classes)) s s, each → 1 1 d 7: 0, label, score, xmin, ymin, xmax, ymax

    (position + sigmoid t) / s and size · exp(t) / (s · anchors_scale)    score: sigmoid · sigmoid

    Each class above the threshold is a box; but boxes are suppressed across classes, so only the
    best class of a position is ever left.
    """
    if nms_threshold >= 1:
        raise UnsupportedLayerError(
            "a box does not suppress itself at this threshold, so each of its classes is a row",
            where=layer,
            expected="nms_threshold below 1",
            received=nms_threshold,
        )
    group = len(mask) // mask_group_num
    boxes = []
    for i, x in enumerate(maps):
        anchors = list(mask[i * group : i * group + num_box])
        sizes = np.reshape(biases, (-1, 2))[anchors] / (x.fixed(3) * anchors_scale[i])
        own = sizes.astype(np.float32)
        boxes.append(_boxes(e, x, num_classes, own, lambda e, x: e.Sigmoid(x)))
    least = np.float32(confidence_threshold)
    return _suppressed(e, boxes, least, nms_threshold, maps[-1])


def _boxes(
    e: Emitter,
    x: Value,
    classes: int,
    sizes: Array,
    activation: Callable[[Emitter, Value], Value],
) -> Value:
    """x: n (a (4 1 classes)) s s, sizes: a 2 → (n s s a) 6: x and y of the centre, width, height,
    score, label of the best class"""
    count, side = len(sizes), x.fixed(3)
    grid = e.reshape(x, (x.shape[0], count, 5 + classes, side, side))
    parts = e.op("Split", grid, [2, 2, 1, classes], outputs=4, axis=2)
    y, x_ = np.mgrid[:side, :side]
    positions = np.stack([x_, y])[None, None].astype(np.float32)
    centre = e.Div(e.Add(e.Sigmoid(parts[0]), positions), float(side))
    size = e.Mul(e.Exp(parts[1]), sizes.reshape(1, count, 2, 1, 1))
    scores = activation(e, parts[3])
    score = e.Mul(e.Sigmoid(parts[2]), e.reduce("ReduceMax", scores, [2]))
    label = e.Cast(e.Add(e.ArgMax(scores, axis=2), 1), to=FLOAT)
    table = e.Concat(centre, size, score, label, axis=2)
    return e.Reshape(e.Transpose(table, perm=[0, 3, 4, 1, 2]), [-1, 6])


def _suppressed(
    e: Emitter,
    candidates: Sequence[Value],
    least: np.float32,
    threshold: float,
    images: Value,
) -> Value:
    """candidates: … 6 → 1 1 d 7, by descending score: boxes above `least`, without those that
    overlap a better one by the threshold. Caffe does so for all images together, with index 0.
    """
    boxes, scores, labels = e.op(
        "Split",
        candidates[0] if len(candidates) == 1 else e.Concat(*candidates, axis=0),
        [4, 1, 1],
        outputs=3,
        axis=1,
    )
    kept = e.NonMaxSuppression(
        e.Unsqueeze(boxes, [0]),
        e.Unsqueeze(e.Transpose(scores, perm=[1, 0]), [0]),
        [np.iinfo(np.int32).max],
        np.array([next_below(threshold)], np.float32),
        np.array([least], np.float32),
        center_point_box=1,
    )
    # Keras cannot add empty tensors, so rows are computed before any are dropped.
    centre, size = e.op("Split", boxes, [2, 2], outputs=2, axis=1)
    half = e.Mul(size, 0.5)
    corners = (e.Sub(centre, half), e.Add(centre, half))
    table = e.Concat(e.Mul(scores, 0.0), labels, scores, *corners, axis=1)
    rows = e.Gather(table, e.Reshape(e.Gather(kept, [2], axis=1), [-1]))
    return e.Unsqueeze(rows_or_placeholders(e, rows, images), [0, 1])
