"""Non-maximum suppression, beyond what the raising law draws: boxes without a number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded
from tests.helpers.strategies.nodes import Draw, NodeExample, Tensor, nodes_of, sizes, values


@nodes_of("NonMaxSuppression", since=10)
@st.composite
def non_max_suppression(draw: Draw, operator: str) -> NodeExample:
    images, classes, count = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(sizes())
    free = {0: "batch", 1: "depth"}
    corners = draw(values((images, count, 2, 2), 0, 1))
    if draw(st.booleans()):  # low corners first: else most boxes overlap
        corners = np.sort(corners, axis=2)
    boxes = Tensor(corners.reshape(images, count, 4), free)
    scores = Tensor(draw(values((images, classes, count), 0, 1)), {0: "batch", 2: "depth"})
    most = np.array([draw(st.sampled_from([0, 1, 2, count, 100]))], np.int64)
    iou, score = draw(st.sampled_from([(0.0, 0.2), (0.3, 0.6)]))
    thresholds = [np.array([number], np.float32) for number in (iou, score)]
    operands = (boxes, scores, most, *thresholds)
    attributes = draw(st.sampled_from([{}, {"center_point_box": 1}]))
    return NodeExample((operator,), operands[: draw(st.integers(3, 5))], attributes)


# Examples


@pytest.mark.parametrize("count", [1, 9, 300])
def test_among_any_number_of_boxes(count: int) -> None:
    """One model, which keeps all that overlap with none."""
    text = """g (float[1,p,4] boxes, float[1,1,p] scores) => (int64[d,3] y) {
        y = NonMaxSuppression(boxes, scores, most, iou, least)
    }"""
    constants = {
        "most": np.array([2**31 - 1], np.int64),
        "iou": np.array([0.5], np.float32),
        "least": np.array([0.1], np.float32),
    }
    rng = np.random.default_rng(0)
    corners = np.sort(rng.uniform(0, 1, (count, 2, 2)), axis=1).reshape(1, count, 4)
    feeds = {
        "boxes": corners.astype(np.float32),
        "scores": rng.uniform(0, 1, (1, 1, count)).astype(np.float32),
    }
    raise_and_compare(graph(text, constants), feeds)


@pytest.mark.parametrize("classes", [1, 3, 20])
def test_where_no_box_scores_well_enough(classes: int) -> None:
    """Keras takes no tensors for a bias of which one is empty."""
    text = f"""g (float[1,9,4] boxes, float[1,{classes},9] scores) => (int64[d,3] y) {{
        y = NonMaxSuppression(boxes, scores, most, iou, least)
    }}"""
    constants = {
        "most": np.array([9], np.int64),
        "iou": np.array([0.5], np.float32),
        "least": np.array([2.0], np.float32),
    }
    feeds = {"boxes": seeded((1, 9, 4)), "scores": seeded((1, classes, 9))}
    raise_and_compare(graph(text, constants), feeds)
