"""Padding and cropping the ends of axes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded
from tests.helpers.strategies.nodes import (
    Draw,
    NodeExample,
    Operand,
    map_values,
    nodes_of,
    shapes,
    tensor,
)


@nodes_of("Pad", since=11)
@st.composite
def pad(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 4))
    mode = draw(st.sampled_from(["constant", "constant", "reflect", "edge", "wrap"]))
    axes = sorted(draw(st.sets(st.integers(0, len(shape) - 1), min_size=1)))
    x = draw(tensor(shape, batch=None if 0 in axes else 0))
    widths = np.zeros((2, len(shape)), np.int64)
    for axis in axes:
        most = min(2, shape[axis] - 1) if mode in ("reflect", "wrap") else 2
        least = -((shape[axis] - 1) // 2) if mode == "constant" else 0
        widths[:, axis] = draw(st.tuples(st.integers(least, most), st.integers(least, most)))
    operands: list[Operand] = [x, widths.reshape(-1)]
    form = draw(st.sampled_from(["plain", "valued", "integers", "axes"]))
    if form == "valued" and mode == "constant":
        operands.append(np.float32(0.5))
    if form == "integers" and mode == "constant":
        operands = [map_values(x, lambda array: array.astype(np.int64)), operands[1], np.int64(-1)]
    if form == "axes":
        signed = [axis - draw(st.sampled_from([0, len(shape)])) for axis in axes]
        operands = [x, widths[:, axes].reshape(-1), None, np.array(signed, np.int64)]
    opset = 19 if form == "axes" or mode == "wrap" else 17
    return NodeExample((operator,), tuple(operands), {"mode": mode}, opset=opset)


@nodes_of("CenterCropPad", since=18)
@st.composite
def center_crop_pad(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 4))
    axes = sorted(draw(st.sets(st.integers(0, len(shape) - 1), min_size=1)))
    x = draw(tensor(shape, batch=None if 0 in axes else 0))
    target = np.array([shape[axis] + draw(st.sampled_from([-1, 1, 2, 3])) for axis in axes])
    assume(min(target) > 0)
    return NodeExample((operator,), (x, target), {"axes": axes}, opset=18)


# Examples


def test_axes_of_a_pad_without_a_value() -> None:
    text = "g (float[2,3] x) => (float[2,5] y) { y = Pad(x, pads, , axes) }"
    constants = {"pads": np.array([1, 1], np.int64), "axes": np.array([1], np.int64)}
    raise_and_compare(graph(text, constants, opset=18), {"x": seeded((2, 3))})


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "wrap"])
def test_negative_pads_crop(mode: str) -> None:
    text = f"""g (float[n,2,6,7] x) => (y) {{ y = Pad<mode="{mode}">(x, pads) }}"""
    pads = np.array([0, 0, -1, 2, 0, 0, 1, -3], np.int64)
    raised = raise_and_compare(graph(text, {"pads": pads}, opset=19), {"x": seeded((2, 2, 6, 7))})
    assert not any(call.target == "ops.transpose" for call in raised.plan.calls)


def test_a_value_that_is_computed() -> None:
    text = "g (float[n,2,3] x, float[1] v) => (y) { s = Squeeze(v) y = Pad(x, pads, s) }"
    pads = np.array([0, 1, 0, 0, 0, 2], np.int64)
    feeds = {"x": seeded((2, 2, 3)), "v": np.array([0.5], np.float32)}
    raise_and_compare(graph(text, {"pads": pads}), feeds)
