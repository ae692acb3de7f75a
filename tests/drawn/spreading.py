"""Nodes to draw from: those that make maps larger or smaller, and those that bound numbers."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from tests.helpers.node_strategies import (
    Draw,
    Drawn,
    Tensor,
    image,
    row,
    shapes,
    sizes,
    tensor,
    values,
    vector,
)


@row("ConvTranspose")
@st.composite
def conv_transpose(draw: Draw, operator: str) -> Drawn:
    rank = draw(st.integers(1, 3))
    group, inner, outer = draw(
        st.one_of(
            st.tuples(st.just(1), sizes(4), sizes(4)),  # dense
            st.tuples(st.integers(2, 4), st.just(1), st.just(1)),  # depthwise
            st.tuples(st.integers(2, 3), st.integers(1, 3), st.integers(1, 3)),  # grouped
        )
    )
    axes = [draw(spreads()) for _ in range(rank)]
    size, kernel, stride, dilation, begin, end = zip(*axes, strict=True)
    depthwise = group > 1 and inner == outer == 1 and rank < 3
    shape = (draw(st.integers(1, 2)), group * inner, *size)
    assume(prod(shape) <= 600)
    spread_out = depthwise and max(stride) > 1  # needs known sizes
    x = draw(tensor(shape) if spread_out else image(shape))
    w = draw(values((group * inner, outer, *kernel)))
    b = draw(st.sampled_from([None, draw(vector(group * outer))]))
    attributes: dict[str, Any] = {"group": group, "pads": [*begin, *end]}
    attributes |= {"strides": list(stride), "dilations": list(dilation)}
    return Drawn((operator,), (x, w) if b is None else (x, w, b), attributes)


@st.composite
def spreads(draw: Draw) -> tuple[int, int, int, int, int, int]:
    """Size, kernel, stride, dilation, and pads that leave something."""
    size, kernel, stride = draw(sizes(4)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    dilation = draw(st.sampled_from([1, 1, 2]))
    begin, end = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    assume(stride * (size - 1) + (kernel - 1) * dilation + 1 > begin + end)
    return size, kernel, stride, dilation, begin, end


COORDINATES = ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"]
COORDINATES += ["half_pixel_symmetric"]
SCALES = [1, 2, 3, 0.5, 1.4, 1.1, 0.7]
ROUNDINGS = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]


@row("Resize", since=11)
@st.composite
def resize(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(3, 5))
    mode = draw(st.sampled_from(["nearest", "linear"]))
    # onnxruntime's linear mode knows maps, and volumes with their batch and channels at 1 only.
    assume(mode == "nearest" or len(shape) == 4)
    x = draw(tensor(shape))
    attributes: dict[str, Any] = {
        "mode": mode,
        "coordinate_transformation_mode": draw(st.sampled_from(COORDINATES)),
    }
    if mode == "nearest":
        attributes["nearest_mode"] = draw(st.sampled_from(ROUNDINGS))
    if draw(st.booleans()):
        wanted = np.array([draw(sizes(6)) for _ in shape[2:]], np.int64)
        policy = draw(st.sampled_from(["stretch", "not_larger", "not_smaller"]))
        if policy == "stretch" and draw(st.booleans()):
            target = np.array([*shape[:2], *wanted])
            return Drawn((operator,), (Tensor(x.values), None, None, target), attributes, opset=19)
        attributes |= {"axes": [*range(2, len(shape))], "keep_aspect_ratio_policy": policy}
        least = min(wanted / shape[2:]) if policy == "not_larger" else max(wanted / shape[2:])
        assume(policy == "stretch" or 1 <= min(shape[2:]) * least <= max(shape[2:]) * least <= 20)
        return Drawn((operator,), (Tensor(x.values), None, None, wanted), attributes, opset=19)
    scales = np.array([1, 1, *(draw(st.sampled_from(SCALES)) for _ in shape[2:])], np.float32)
    assume(min(np.float32(shape) * scales) >= 1)
    return Drawn((operator,), (x, None, scales), attributes, opset=19)


@row("Clip", since=11)
@st.composite
def clip(draw: Draw, operator: str) -> Drawn:
    low, high = draw(ends())
    given = [None if each is None else np.float32(each) for each in (low, high)]
    while given and given[-1] is None:
        given.pop()
    return Drawn((operator,), (draw(tensor(draw(shapes(1, 5)))), *given))


@row("Clip", since=6)
@st.composite
def clip_by_attributes(draw: Draw, operator: str) -> Drawn:
    low, high = draw(ends())
    given = {name: each for name, each in (("min", low), ("max", high)) if each is not None}
    return Drawn((operator,), (draw(tensor(draw(shapes(1, 5)))),), given, opset=10)


def ends() -> st.SearchStrategy[tuple[float | None, float | None]]:
    return st.tuples(st.sampled_from([None, 0.0, -0.5]), st.sampled_from([None, 1.0, 0.25]))
