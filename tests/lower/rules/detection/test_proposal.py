"""Proposal layers against loops that follow py-faster-rcnn's words, one box at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge.caffe import Net
from bridge.errors import ShapeError
from bridge.lower import lower
from bridge.lower.rules.detection.proposal import _anchors
from tests.helpers.golden_cases import assert_close

Array = NDArray[np.float32]

# What py-faster-rcnn's generate_anchors.py says that it gives, in its own comment.
KNOWN = [
    [-84, -40, 99, 55],
    [-176, -88, 191, 103],
    [-360, -184, 375, 199],
    [-56, -56, 71, 71],
    [-120, -120, 135, 135],
    [-248, -248, 263, 263],
    [-36, -80, 51, 95],
    [-80, -168, 95, 183],
    [-168, -344, 183, 359],
]


def test_the_nine_anchors_of_faster_rcnn() -> None:
    anchors = _anchors(16, (0.5, 1, 2), (8, 16, 32), np.round)
    assert anchors.tolist() == np.array(KNOWN, np.float64).tolist()


def test_halves_go_up_in_c_and_to_even_numbers_in_python() -> None:
    # Of 8 · 8 pixels, a ratio of 0.1 makes a width of √640 ≈ 25 and a height of 2.5.
    for whole, height in ((np.round, 2), (lambda x: np.floor(x + 0.5), 3)):
        ((left, top, right, bottom),) = _anchors(8, [0.1], [1], whole)
        assert (right - left + 1, bottom - top + 1) == (25, height)


def _overlap(a: Array, b: Array) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0]) + 1
    height = min(a[3], b[3]) - max(a[1], b[1]) + 1
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


def _every_box(
    scores: Array, deltas: Array, image: Array, anchors: list[list[float]], stride: int
) -> list[tuple[float, Array]]:
    """Each anchor at each position, in the order of rows, columns, anchors."""
    count, (_, _, rows, columns) = len(anchors), scores.shape
    boxes = []
    for y in range(rows):
        for x in range(columns):
            for a, (left, top, right, bottom) in enumerate(anchors):
                width, height = right - left + 1, bottom - top + 1
                dx, dy, dw, dh = deltas[0, 4 * a : 4 * a + 4, y, x]
                middle_x = left + x * stride + 0.5 * width + dx * width
                middle_y = top + y * stride + 0.5 * height + dy * height
                half_w, half_h = 0.5 * np.exp(dw) * width, 0.5 * np.exp(dh) * height
                box = np.array([
                    min(max(middle_x - half_w, 0), image[0, 1] - 1),
                    min(max(middle_y - half_h, 0), image[0, 0] - 1),
                    min(max(middle_x + half_w, 0), image[0, 1] - 1),
                    min(max(middle_y + half_h, 0), image[0, 0] - 1),
                ])  # fmt: skip
                boxes.append((float(scores[0, count + a, y, x]), box))
    return boxes


def _is_large(box: Array, least_width: float, least_height: float) -> bool:
    return box[2] - box[0] + 1 >= least_width and box[3] - box[1] + 1 >= least_height


def _suppressed(
    boxes: list[tuple[float, Array]], before: int, after: int, threshold: float
) -> list[tuple[float, Array]]:
    ordered = sorted(boxes, key=lambda entry: -entry[0])
    kept: list[tuple[float, Array]] = []
    for score, box in ordered[: before or None]:
        if all(_overlap(box, other) <= threshold for _, other in kept):
            kept.append((score, box))
    return kept[: after or None]


def _table(entries: list[tuple[float, Array]]) -> Array:
    return np.array([[0, *box] for _, box in entries], np.float32).reshape(-1, 5)


ANCHORS = [[-8, -8, 23, 23], [-24, -24, 39, 39]]  # of 32 and of 64, around 0 0 15 15


def _drawn(seed: int, columns: int = 3) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    scores = rng.permutation(4 * 5 * 4).reshape(1, 4, 5, 4) / 80
    deltas = rng.normal(0, 0.4, (1, 8, 5, 4))
    image = [[71.0, 55.0, 1.5, 0.5][:columns]]
    values = {"scores": scores, "deltas": deltas, "image": image}
    return {name: np.asarray(value, np.float32) for name, value in values.items()}


@pytest.fixture
def proposed(net_of: Callable[..., Net], run: Callable[..., Any]) -> Callable[..., Any]:
    def apply(type_: str, text: str, inputs: dict[str, Array]) -> tuple[Array, Array]:
        layer = f"""layer {{ name: "l" type: "{type_}" {text} bottom: "scores" bottom: "deltas"
            bottom: "image" top: "boxes" top: "probabilities" }}"""
        shapes = {name: array.shape for name, array in inputs.items()}
        model = lower(net_of(layer, **shapes))
        assert model.warnings  # that it is for one image, and what was taken for settings
        results = run(model, **inputs)
        return results["boxes"], results["probabilities"]

    return apply


def _python(module: str, **named: float) -> str:
    values = {"feat_stride": 16, "scales": [2, 4], "ratios": [1], **named}
    return f"""python_param {{ module: "{module}" layer: "ProposalLayer" param_str: "{values}" }}"""


SETTINGS = st.fixed_dictionaries(
    {
        "before": st.sampled_from([1, 7, 1000]),
        "after": st.sampled_from([1, 5, 300]),
        "threshold": st.sampled_from([0.0, 0.3, 0.7, 1.0]),
        "least": st.sampled_from([0, 16, 30, 200]),
    }
)


@given(setting=SETTINGS, columns=st.sampled_from([3, 4]), seed=st.integers(0, 2**16))
@settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_in_c(
    proposed: Callable[..., Any], setting: dict[str, Any], columns: int, seed: int
) -> None:
    inputs = _drawn(seed, columns)
    text = f"""proposal_param {{ feat_stride: 16 ratio: 1 scale: 2 scale: 4
        pre_nms_topn: {setting["before"]} post_nms_topn: {setting["after"]}
        nms_thresh: {setting["threshold"]} min_size: {setting["least"]} }}"""
    boxes, probabilities = proposed("Proposal", text, inputs)
    high, wide = (inputs["image"][0, i] * setting["least"] for i in (2, columns - 1))
    entries = [
        (score * _is_large(box, wide, high), box)
        for score, box in _every_box(*inputs.values(), ANCHORS, 16)
    ]
    kept = _suppressed(entries, setting["before"], setting["after"], setting["threshold"])
    assert_close(boxes, _table(kept))
    assert_close(probabilities, np.array([score for score, _ in kept], np.float32))


@given(setting=SETTINGS, seed=st.integers(0, 2**16))
@settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_in_python(proposed: Callable[..., Any], setting: dict[str, Any], seed: int) -> None:
    inputs = _drawn(seed)
    named = {
        "pre_nms_topn": setting["before"] % 1000,
        "post_nms_topn": setting["after"] % 300,
        "nms_thresh": setting["threshold"],
        "min_size": setting["least"],
    }
    text = _python("rpn.proposal_layer", **named)
    boxes, probabilities = proposed("Python", text, inputs)
    least = setting["least"] * inputs["image"][0, 2]
    entries = [
        (score, box)
        for score, box in _every_box(*inputs.values(), ANCHORS, 16)
        if _is_large(box, least, least)
    ]
    before, after = named["pre_nms_topn"], named["post_nms_topn"]
    kept = _suppressed(entries, before, after, setting["threshold"])
    assert_close(boxes, _table(kept))
    assert_close(probabilities, np.array([[score] for score, _ in kept]).reshape(-1, 1))


@pytest.mark.parametrize(("least", "count"), [(0, 6), (20, 1000), (200, 10)])
def test_of_faces(proposed: Callable[..., Any], least: int, count: int) -> None:
    inputs = _drawn(3)
    text = _python("SSH.layers.proposal_layer", min_size=least, pre_nms_topn=count)
    boxes, probabilities = proposed("Python", text, inputs)
    every = _every_box(*inputs.values(), ANCHORS, 16)
    entries = [entry for entry in every if _is_large(entry[1], least * 1.5, least * 1.5)]
    best = sorted(entries, key=lambda entry: -entry[0])[:count]
    assert_close(probabilities, np.array([[score] for score, _ in best]).reshape(-1, 1))
    assert_close(boxes, _table(best) if best else np.float32([[0, 0, 0, 16, 16]]))


def test_equal_scores_keep_their_order(proposed: Callable[..., Any]) -> None:
    inputs = {**_drawn(0), "scores": np.full((1, 4, 5, 4), 0.5, np.float32)}
    text = """proposal_param { ratio: 1 scale: 2 scale: 4 nms_thresh: 1 min_size: 0 }"""
    boxes, _ = proposed("Proposal", text, inputs)
    assert_close(boxes, _table(_every_box(*inputs.values(), ANCHORS, 16)))


def test_more_images_are_refused(proposed: Callable[..., Any]) -> None:
    inputs = {name: np.concatenate([array] * 2) for name, array in _drawn(0).items()}
    with pytest.raises(ShapeError, match="one image at a time"):
        proposed("Proposal", "proposal_param { ratio: 1 scale: 2 scale: 4 }", inputs)


def test_what_follows_keeps_the_number_of_regions(
    net_of: Callable[..., Net], run: Callable[..., Any]
) -> None:
    text = """
    layer { name: "p" type: "Proposal" bottom: "scores" bottom: "deltas" bottom: "image"
            top: "rois" proposal_param { ratio: 1 scale: 2 scale: 4 } }
    layer { name: "pool" type: "ROIPooling" bottom: "deltas" bottom: "rois" top: "pool"
            roi_pooling_param { pooled_h: 2 pooled_w: 2 spatial_scale: 0.0625 } }
    layer { name: "fc" type: "InnerProduct" bottom: "pool" top: "fc"
            inner_product_param { num_output: 3 } }
    layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
    layer { name: "shaped" type: "Reshape" bottom: "prob" top: "shaped"
            reshape_param { shape { dim: -1 dim: 3 dim: 1 } } }
    layer { name: "flat" type: "Flatten" bottom: "prob" top: "flat" flatten_param { axis: 0 } }
    """
    rng = np.random.default_rng(0)
    weights = {"fc": [rng.standard_normal((3, 32)), rng.standard_normal(3)]}
    inputs = _drawn(1)
    shapes = {name: array.shape for name, array in inputs.items()}
    model = lower(net_of(text, weights, **shapes))
    assert model.values["shaped"] == ("rois.0", 3, 1)
    results = run(model, **inputs)
    assert results["shaped"].shape[1:] == (3, 1)
    assert_close(results["shaped"].ravel(), results["flat"])
