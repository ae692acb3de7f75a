"""Limits that operators set, against the numbers that they give."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from bridge import ir
from bridge.graph.quantization.limits import Interval, Limits, clip_limits
from tests.helpers.keras_against_onnx import graph, in_onnxruntime, seeded

KNOWN = {
    "Relu(x)": (0.0, inf),
    "Clip(x, low, high)": (-0.25, 0.5),
    "Sigmoid(x)": (0.0, 1.0),
    "Softmax<axis = 1>(x)": (0.0, 1.0),
    "Tanh(x)": (-1.0, 1.0),
    "Neg(x)": (-inf, inf),
}


@pytest.mark.parametrize("text", KNOWN)
def test_what_an_operator_gives(text: str) -> None:
    assert limits_after(text) == KNOWN[text]


FOLLOWING = {
    "MaxPool<kernel_shape = [2, 2], pads = [1, 1, 1, 1]>(c)": (-0.25, 0.5),
    "AveragePool<kernel_shape = [2, 2], pads = [1, 1, 1, 1]>(c)": (-0.25, 0.5),
    "AveragePool<kernel_shape = [2, 2], pads = [1, 1, 1, 1], count_include_pad = 1>(p)": (0, 0.5),
    "GlobalAveragePool(c)": (-0.25, 0.5),
    "Concat<axis = 1>(c, p)": (-0.25, 0.5),
    "Pad(p, pads)": (0.0, 0.5),
    "Pad(p, pads, high)": (0.25, 0.5),
    "Max(c, p)": (-0.25, 0.5),
    "Add(c, c)": (-inf, inf),
    'Resize<mode = "linear">(c, , scales)': (-0.25, 0.5),
    'Resize<mode = "cubic">(c, , scales)': (-inf, inf),
    'Resize<coordinate_transformation_mode = "tf_crop_and_resize">(c, roi, scales)': (-inf, inf),
    "Relu(c)": (0.0, 0.5),
    "Clip(c, , high)": (-0.25, 0.5),
    "Clip(x, moving, high)": (-inf, inf),
}


@pytest.mark.parametrize("text", FOLLOWING)
def test_what_follows_limited_numbers(text: str) -> None:
    assert limits_after(text) == FOLLOWING[text]


def limits_after(text: str) -> Interval:
    """The limits of a node's result, which is within them."""
    constants = {
        "low": np.float32(-0.25),
        "high": np.float32(0.5),
        "quarter": np.float32(0.25),
        "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "scales": np.float32([1, 1, 1.5, 1.5]),
        "roi": np.float32([0, 0, 0, 0, 1, 1, 1, 1]),
    }
    proto = graph(
        f"""g (float[1,2,4,4] x, float moving) => (float[a,b,c,d] y) {{
            c = Clip(x, low, high)
            p = Clip(x, quarter, high)
            y = {text}
        }}""",
        constants,
    )
    model, limits = ir.from_proto(proto), Limits()
    for node in model.graph:
        limits.add(node)
    low, high = limits.of(model.graph.outputs[0])
    for seed in range(3):
        x = 3 * seeded((1, 2, 4, 4), seed)
        y = in_onnxruntime(proto, {"x": x, "moving": np.array(-9, np.float32)})["y"]
        assert low <= y.min() <= y.max() <= high
    return low, high


def test_only_clips_by_constants_and_relus_have_limits() -> None:
    model = ir.from_proto(graph("g (float[2] x) => (float[2] y) { r = Relu(x) y = Neg(r) }"))
    assert [*map(clip_limits, model.graph)] == [(0.0, inf), None]
