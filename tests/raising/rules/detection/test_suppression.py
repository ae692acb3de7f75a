"""Non-maximum suppression, beyond what the raising law draws: boxes without a number."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded


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
