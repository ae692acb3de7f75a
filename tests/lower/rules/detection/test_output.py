"""DetectionOutput against the loops of Caffe's SSD branch (detection_output_layer.cpp)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge.errors import ShapeError
from tests.helpers.golden_cases import assert_close

Array = NDArray[np.float64]
LOWEST = float(np.finfo(np.float32).min)


def _decode(code: str, encoded: bool, prior: Array, variance: Array, t: Array) -> Array:
    t = t if encoded else t * variance
    size = np.tile(prior[2:] - prior[:2], 2)
    if code == "CORNER":
        return prior + t
    if code == "CORNER_SIZE":
        return prior + t * size
    centre = t[:2] * size[:2] + (prior[:2] + prior[2:]) / 2
    half = np.exp(t[2:]) * size[:2] / 2
    return np.concatenate([centre - half, centre + half])


def _overlap(a: Array, b: Array) -> float:
    ends = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    if (ends <= 0).any():
        return 0.0
    areas = [np.prod(np.maximum(box[2:] - box[:2], 0)) for box in (a, b)]
    return float(np.prod(ends) / (sum(areas) - np.prod(ends)))


def _suppress(
    boxes: Array, scores: Array, least: float, threshold: float, top_k: int, eta: float = 1
) -> list[int]:
    best = [i for i in np.argsort(-scores, kind="stable") if scores[i] > least]
    kept: list[int] = []
    for i in best[:top_k] if top_k > -1 else best:
        if all(_overlap(boxes[i], boxes[j]) <= threshold for j in kept):
            kept.append(int(i))
            if eta < 1 and threshold > 0.5:
                threshold *= eta
    return kept


def caffe_detections(
    loc: Array, conf: Array, prior: Array, classes: int, *, shared: bool, background: int,
    code: str, encoded: bool, least: float, threshold: float, top_k: int, keep: int, eta: float = 1,
) -> Array:  # fmt: skip
    count = prior.shape[2] // 4
    priors, variances = prior.reshape(2, count, 4)
    rows = []
    for image in range(len(loc)):
        t = loc[image].reshape(count, 1 if shared else classes, 4)
        scores = conf[image].reshape(count, classes)
        detections = []
        for label in range(classes):
            if label == background:
                continue
            targets = t[:, 0 if shared else label]
            boxes = np.stack(
                [
                    _decode(code, encoded, *both)
                    for both in zip(priors, variances, targets, strict=True)
                ]
            )
            kept = _suppress(boxes, scores[:, label], least, threshold, top_k, eta)
            detections += [(scores[i, label], label, boxes[i]) for i in kept]
        if -1 < keep < len(detections):
            bound = sorted((row[0] for row in detections), reverse=True)[keep - 1]
            detections = [row for row in detections if row[0] >= bound]
        rows += [[image, label, score, *box] for score, label, box in detections]
    empty = [[image, *[-1] * 6] for image in range(len(loc))]
    return np.array(rows or empty)[None, None]


SETTINGS = st.fixed_dictionaries(
    {
        "shared": st.booleans(),
        "background": st.sampled_from([0, 2, -1]),
        "code": st.sampled_from(["CORNER", "CENTER_SIZE", "CORNER_SIZE"]),
        "encoded": st.booleans(),
        "least": st.sampled_from([LOWEST, 0.1, 0.5, 2.0]),
        "threshold": st.sampled_from([0.2, 0.45, 0.7]),
        "top_k": st.sampled_from([-1, 3, 100]),
        "keep": st.sampled_from([-1, 1, 5, 100]),
    }
)


def _text(s: dict[str, Any]) -> str:
    least = "" if s["least"] == LOWEST else f"confidence_threshold: {s['least']}"
    return f"""detection_output_param {{
        num_classes: 3 share_location: {str(s["shared"]).lower()} {least}
        background_label_id: {s["background"]} code_type: {s["code"]} keep_top_k: {s["keep"]}
        variance_encoded_in_target: {str(s["encoded"]).lower()}
        nms_param {{ nms_threshold: {s["threshold"]} top_k: {s["top_k"]} }} }}"""


@given(setting=SETTINGS, images=st.integers(1, 3), seed=st.integers(0, 2**16))
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_setting(
    one_layer: Callable[..., Any], setting: dict[str, Any], images: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    count, classes = 8, 3
    corners = rng.uniform(0, 0.6, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0.1, 0.4, (count, 2))], axis=1)
    variances = np.tile([0.1, 0.1, 0.2, 0.2], (count, 1))
    inputs = {
        "loc": rng.standard_normal((images, count * 4 * (1 if setting["shared"] else classes))),
        "conf": rng.uniform(0, 1, (images, count * classes)),
        "prior": np.stack([boxes.reshape(-1), variances.reshape(-1)])[None],
    }
    inputs = {name: array.astype(np.float32) for name, array in inputs.items()}
    detections = one_layer("DetectionOutput", _text(setting), **inputs)
    assert_close(detections, caffe_detections(*inputs.values(), classes, **setting))


@given(
    setting=SETTINGS,
    threshold=st.sampled_from([0.51, 0.6, 0.9]),
    eta=st.sampled_from([0.5, 0.8, 0.95]),
    images=st.integers(1, 3),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_threshold_that_shrinks(
    one_layer: Callable[..., Any],
    setting: dict[str, Any],
    threshold: float,
    eta: float,
    images: int,
    seed: int,
) -> None:
    """Many boxes on one spot, so that thresholds above 0.5 decide."""
    setting = {**setting, "threshold": threshold, "code": "CORNER"}
    rng = np.random.default_rng(seed)
    count, classes = 12, 3
    corners = rng.uniform(0, 0.1, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0.4, 0.6, (count, 2))], axis=1)
    inputs = {
        "loc": rng.standard_normal((images, count * 4 * (1 if setting["shared"] else classes))),
        "conf": rng.uniform(0, 1, (images, count * classes)),
        "prior": np.stack([boxes.reshape(-1), np.full(count * 4, 0.05)])[None],
    }
    inputs["loc"] *= 0.05 if setting["encoded"] else 1
    inputs = {name: array.astype(np.float32) for name, array in inputs.items()}
    text = _text(setting).replace("nms_param {", f"nms_param {{ eta: {eta}")
    detections = one_layer("DetectionOutput", text, **inputs)
    assert_close(detections, caffe_detections(*inputs.values(), classes, **setting, eta=eta))


def refined_detections(
    loc: Array, conf: Array, prior: Array, arm_conf: Array, arm_loc: Array | None,
    classes: int, score: float, **how: Any,
) -> Array:  # fmt: skip
    """OSGetConfidenceScores and CasRegDecodeBBoxesAll of RefineDet's util/bbox_util.cpp, image by
    image; then all as above."""
    count = prior.shape[2] // 4
    tables = []
    for image in range(len(loc)):
        scores = conf[image].reshape(count, classes).copy()
        boxes, variances = prior.reshape(2, count, 4).copy()
        for p in range(count):
            if arm_conf[image, 2 * p + 1] < score:
                scores[p] = [1, *[0] * (classes - 1)]
            if arm_loc is not None:
                t = arm_loc[image].reshape(count, 4)[p]
                boxes[p] = _decode(how["code"], how["encoded"], boxes[p], variances[p], t)
        own = np.stack([boxes.reshape(-1), variances.reshape(-1)])[None]
        table = caffe_detections(loc[image : image + 1], scores.reshape(1, -1), own, classes, **how)
        tables.append(table[0, 0][table[0, 0, :, 1] >= 0] + np.eye(1, 7)[0] * image)
    rows = np.concatenate(tables)
    return (
        rows[None, None]
        if len(rows)
        else np.array([[image, *[-1] * 6] for image in range(len(loc))])[None, None]
    )


@pytest.mark.parametrize("code", ["CORNER", "CENTER_SIZE"])
@pytest.mark.parametrize("bottoms", [4, 5])
@pytest.mark.parametrize("score", [0.01, 0.6, 2.0])
@pytest.mark.parametrize("background", [0, 2])
def test_refinedet(
    one_layer: Callable[..., Any], code: str, bottoms: int, score: float, background: int
) -> None:
    rng = np.random.default_rng(bottoms)
    images, count, classes = 2, 8, 3
    corners = rng.uniform(0, 0.6, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0.1, 0.4, (count, 2))], axis=1)
    variances = np.tile([0.1, 0.1, 0.2, 0.2], (count, 1))
    inputs = {
        "loc": rng.standard_normal((images, count * 4)),
        "conf": rng.uniform(0, 1, (images, count * classes)),
        "prior": np.stack([boxes.reshape(-1), variances.reshape(-1)])[None],
        "arm_conf": rng.uniform(0, 1, (images, count * 2)),
        "arm_loc": rng.standard_normal((images, count * 4)),
    }
    fed = {name: x.astype(np.float32) for name, x in list(inputs.items())[:bottoms]}
    setting = {
        "shared": True,
        "background": background,
        "code": code,
        "encoded": False,
        "least": 0.1,
        "threshold": 0.45,
        "top_k": 6,
        "keep": 100,
    }
    text = _text(setting).replace("num_classes: 3", f"num_classes: 3 objectness_score: {score}")
    detections = one_layer("DetectionOutput", text, **fed)
    arrays = [*fed.values(), None][:5]
    assert_close(detections, refined_detections(*arrays, classes, score, **setting))


def test_refined_boxes_are_those_of_all_classes(one_layer: Callable[..., Any]) -> None:
    text = "detection_output_param { num_classes: 2 share_location: false }"
    inputs = {"loc": np.ones((1, 8)), "conf": np.ones((1, 2)), "prior": np.ones((1, 2, 4))}
    more = {"arm_conf": np.ones((1, 2)), "arm_loc": np.ones((1, 4))}
    with pytest.raises(ShapeError, match="shared by the classes"):
        one_layer("DetectionOutput", text, **inputs, **more)
    text = text.replace("false", "true")
    with pytest.raises(ShapeError, match="arm_conf does not fit"):
        one_layer(
            "DetectionOutput", text, **{**inputs, "loc": np.ones((1, 4))}, arm=np.ones((1, 3))
        )


def test_regions_are_pooled_in_bins(one_layer: Callable[..., Any]) -> None:
    x = np.arange(2 * 64, dtype=np.float32).reshape(2, 1, 8, 8)
    regions = [[0, 0, 0, 7, 7], [1, 4, 4, 11, 11], [1, 15, 15, 15, 15]]
    text = "roi_pooling_param { pooled_h: 2 pooled_w: 2 spatial_scale: 0.5 }"
    y = one_layer("ROIPooling", text, x=x, regions=np.array(regions))
    # Corners are halved and rounded: 7 -> 4 (away from 0), 11 -> 6, 15 -> 8, which is outside.
    assert y[0, 0].tolist() == [[18, 20], [34, 36]]
    assert y[1, 0].tolist() == [[64 + 36, 64 + 38], [64 + 52, 64 + 54]]
    assert y[2, 0].tolist() == [[0, 0], [0, 0]]
