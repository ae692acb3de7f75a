"""Nodes to draw from: those that look at regions of a map."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from tests.helpers.node_strategies import Draw, Drawn, Tensor, image, row, shapes, sizes


@st.composite
def regions(draw: Draw, images: int, scale: float) -> Tensor:
    """r 5: an image's number, x and y of two corners, on and off the map, in either order"""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(1, 6))
    corners = generator.uniform(-3, 12, (count, 4))
    if draw(st.booleans()):
        corners = np.sort(corners.reshape(count, 2, 2), axis=1).reshape(count, 4)
    if draw(st.booleans()):  # among them halves, which are rounded away from 0
        corners = np.round(corners * 2) / 2
    numbers = generator.integers(0, images, (count, 1))
    values = np.concatenate([numbers, corners / scale], axis=1).astype(np.float32)
    return Tensor(values, {0: "lot"})


@row("MaxRoiPool")
@st.composite
def max_roi_pool(draw: Draw, operator: str) -> Drawn:
    x = draw(image(draw(shapes(4, 4))))
    scale = draw(st.sampled_from([1.0, 0.5, 0.0625]))
    pooled = (draw(sizes(4)), draw(sizes(6)))
    attributes = {"pooled_shape": pooled, "spatial_scale": scale}
    return Drawn((operator,), (x, draw(regions(x.values.shape[0], scale))), attributes)


@row("RoiAlign", since=10)
@row("RoiAlign", since=16)
@st.composite
def roi_align(draw: Draw, operator: str) -> Drawn:
    x = draw(image(draw(shapes(4, 4))))
    scale = draw(st.sampled_from([1.0, 0.5, 0.0625]))
    drawn = draw(regions(x.values.shape[0], scale)).values
    attributes = {
        "output_height": draw(sizes(4)),
        "output_width": draw(sizes(6)),
        "sampling_ratio": draw(st.integers(0, 3)),
        "spatial_scale": scale,
    }
    opset = draw(st.sampled_from([10, 16]))
    attributes |= (
        draw(st.sampled_from([{}, {"coordinate_transformation_mode": "output_half_pixel"}]))
        if opset == 16
        else {}
    )
    # Of a region turned inside out onnxruntime cannot count the samples, unless it is widened to 1.
    widened = opset < 16 or "coordinate_transformation_mode" in attributes
    if attributes["sampling_ratio"] == 0 and not widened:
        drawn[:, 1:] = np.sort(drawn[:, 1:].reshape(-1, 2, 2), axis=1).reshape(-1, 4)
    operands = (
        x,
        Tensor(drawn[:, 1:], {0: "lot"}),
        Tensor(drawn[:, 0].astype(np.int64), {0: "lot"}),
    )
    return Drawn((operator,), operands, attributes, opset=opset)
