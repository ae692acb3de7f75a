"""YOLO's layers against loops over positions, anchors and classes, as darknet writes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge.caffe import Net
from bridge.errors import ShapeError, UnsupportedLayerError
from bridge.lower import lower
from tests.helpers.golden_cases import assert_close

Array = NDArray[np.float64]


def _reorg_cpu(x: Array, stride: int, *, forward: bool) -> Array:
    """darknet's loop over all numbers of x: n c h w, on flat memory."""
    batch, channels, rows, columns = x.shape
    few = channels // stride**2
    flat, y = x.ravel(), np.zeros(x.size, np.float32)
    for b, k, j, i in np.ndindex(batch, channels, rows, columns):
        own = i + columns * (j + rows * (k + channels * b))
        offset = k // few
        across, down = i * stride + offset % stride, j * stride + offset // stride
        other = across + columns * stride * (down + rows * stride * (k % few + few * b))
        if forward:
            y[other] = flat[own]
        else:
            y[own] = flat[other]
    return y


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("reverse", [False, True])
def test_reorg_is_that_of_darknet(
    one_layer: Callable[..., Any], stride: int, reverse: bool
) -> None:
    x = np.arange(2 * 36 * 6 * 12, dtype=np.float32).reshape(2, 36, 6, 12)
    y = one_layer(
        "Reorg", f"reorg_param {{ stride: {stride} reverse: {str(reverse).lower()} }}", x=x
    )
    factor = stride if reverse else 1 / stride
    assert y.shape == (2, 36 / factor**2, 6 * factor, 12 * factor)
    assert_close(y.ravel(), _reorg_cpu(x, stride, forward=reverse))


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def test_region(one_layer: Callable[..., Any]) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3 * 8, 2, 4))
    y = one_layer("Region", "region_param { num: 3 coords: 4 classes: 3 }", x=x)
    expected = x.reshape(2, 3, 8, 2, 4).copy()
    for position in (0, 1, 4):
        expected[:, :, position] = _sigmoid(expected[:, :, position])
    kinds = np.exp(expected[:, :, 5:])
    expected[:, :, 5:] = kinds / kinds.sum(2, keepdims=True)
    assert_close(y, expected.reshape(x.shape))


def _overlap(a: Array, b: Array) -> float:
    """Of boxes given by centre and size."""
    ends = np.minimum(a[:2] + a[2:] / 2, b[:2] + b[2:] / 2)
    starts = np.maximum(a[:2] - a[2:] / 2, b[:2] - b[2:] / 2)
    if (ends < starts).any():
        return 0.0
    inner = np.prod(ends - starts)
    return float(inner / (np.prod(a[2:]) + np.prod(b[2:]) - inner))


Detections = list[tuple[float, int, Array]]


def _table(detections: Detections, threshold: float, images: int) -> Array:
    kept: Detections = []
    for entry in sorted(detections, key=lambda entry: -entry[0]):
        if all(_overlap(entry[2], other[2]) < threshold for other in kept):
            kept.append(entry)
    rows = [
        [0, label, score, *(b[:2] - b[2:] / 2), *(b[:2] + b[2:] / 2)] for score, label, b in kept
    ]
    empty = [[image, *[-1] * 6] for image in range(images)]
    return np.array(rows or empty, np.float32)[None, None]


def _positions(x: Array, anchors: int, classes: int) -> list[tuple[int, int, int, Array]]:
    """Anchor, row, column and the numbers t of each box, of all images."""
    boxes = x.reshape(len(x), anchors, 5 + classes, *x.shape[2:]).astype(np.float64)
    return [
        (a, j, i, boxes[n, a, :, j, i]) for n, j, i, a in np.ndindex(len(x), *x.shape[2:], anchors)
    ]


def _softmax(x: Array) -> Array:
    return np.exp(x) / np.exp(x).sum()


ANCHORS = np.array([[1.08, 1.19], [3.42, 4.41]])
SIZES = np.array([[20, 37], [49, 94], [73, 201], [143, 265]])


@given(
    images=st.integers(1, 2),
    least=st.sampled_from([0.0, 0.3, 0.6, 1.0]),
    threshold=st.sampled_from([0.2, 0.45, 1.0]),
    both=st.booleans(),
    seed=st.integers(0, 2**16),
)
@settings(
    max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_version_2(
    one_layer: Callable[..., Any],
    images: int,
    least: float,
    threshold: float,
    both: bool,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    sides = (4, 3) if both else (4,)
    inputs = {f"x{s}": rng.normal(0, 1, (images, 2 * 8, s, s)).astype(np.float32) for s in sides}
    text = f"""yolo_detection_output_param {{ num_classes: 3 num_box: 2
        confidence_threshold: {least} nms_threshold: {threshold}
        {" ".join(f"biases: {b}" for b in ANCHORS.ravel())} }}"""
    detections: Detections = []
    for x in inputs.values():
        side = x.shape[3]
        for a, j, i, t in _positions(x, 2, 3):
            centre = (np.array([i, j]) + _sigmoid(t[:2])) / side
            size = np.exp(t[2:4]) * ANCHORS[a] / side
            kinds = _softmax(t[5:])
            score = float(_sigmoid(t[4]) * kinds.max())
            if score >= least:
                detections.append((score, int(kinds.argmax()) + 1, np.concatenate([centre, size])))
    y = one_layer("YoloDetectionOutput", text, **inputs)
    assert_close(y, _table(detections, threshold, images))


@given(
    images=st.integers(1, 2),
    least=st.sampled_from([0.0, 0.3, 0.6, 1.0]),
    threshold=st.sampled_from([0.2, 0.45, 0.8]),
    seed=st.integers(0, 2**16),
)
@settings(
    max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_version_3(
    one_layer: Callable[..., Any], images: int, least: float, threshold: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    inputs = {f"x{s}": rng.normal(0, 1, (images, 2 * 8, s, s)).astype(np.float32) for s in (2, 4)}
    text = f"""yolov3_detection_output_param {{ num_classes: 3 num_box: 2 mask_group_num: 2
        anchors_scale: 32 anchors_scale: 16 mask: 2 mask: 3 mask: 0 mask: 1
        confidence_threshold: {least} nms_threshold: {threshold}
        {" ".join(f"biases: {b}" for b in SIZES.ravel())} }}"""
    detections: Detections = []
    for x, scale, mask in zip(inputs.values(), (32, 16), ((2, 3), (0, 1)), strict=True):
        side = x.shape[3]
        for a, j, i, t in _positions(x, 2, 3):
            centre = (np.array([i, j]) + _sigmoid(t[:2])) / side
            size = np.exp(t[2:4]) * SIZES[mask[a]] / (side * scale)
            for kind, t_kind in enumerate(t[5:]):
                score = float(_sigmoid(t[4]) * _sigmoid(t_kind))
                if score > least:
                    detections.append((score, kind + 1, np.concatenate([centre, size])))
    y = one_layer("Yolov3DetectionOutput", text, **inputs)
    assert_close(y, _table(detections, threshold, images))


V3 = """layer { name: "l" type: "Yolov3DetectionOutput" bottom: "x" top: "y"
    yolov3_detection_output_param { num_classes: 1 num_box: 1 biases: 1 biases: 1 mask: 0
    mask_group_num: 1 anchors_scale: 1 nms_threshold: 1 } }"""
TEXT = """layer { name: "l" type: "YoloDetectionOutput" bottom: "x" top: "y"
    yolo_detection_output_param { num_classes: 1 num_box: 1 biases: 1 biases: 1 %s } }"""


def test_any_number_of_images(net_of: Callable[..., Net]) -> None:
    model = lower(net_of(TEXT % "", x=(1, 6, 3, 3)))
    assert model.inputs == {"x": ("batch", 6, 3, 3)}
    assert model.outputs == {"y": (1, 1, "y.2", 7)}


def test_a_threshold_that_keeps_all_classes_is_refused(net_of: Callable[..., Net]) -> None:
    with pytest.raises(UnsupportedLayerError, match="below 1"):
        lower(net_of(V3, x=(1, 6, 3, 3)))


def test_maps_that_are_not_square_are_refused(net_of: Callable[..., Net]) -> None:
    with pytest.raises(ShapeError, match="square"):
        lower(net_of(TEXT % "", x=(1, 6, 3, 4)))
