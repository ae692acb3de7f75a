"""Regions of a map, beyond what the raising law draws: compiled, and at the edges."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from bridge.errors import UnsupportedOperatorError
from tests.helpers.keras_against_onnx import (
    graph,
    in_onnxruntime,
    plan_of,
    raise_and_compare,
    seeded,
)
from tests.helpers.strategies.nodes import (
    Draw,
    NodeExample,
    Tensor,
    image,
    nodes_of,
    shapes,
    sizes,
)


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
    return Tensor(values, {0: "samples"})


@nodes_of("MaxRoiPool")
@st.composite
def max_roi_pool(draw: Draw, operator: str) -> NodeExample:
    x = draw(image(draw(shapes(4, 4))))
    scale = draw(st.sampled_from([1.0, 0.5, 0.0625]))
    pooled = (draw(sizes(4)), draw(sizes(6)))
    attributes = {"pooled_shape": pooled, "spatial_scale": scale}
    return NodeExample((operator,), (x, draw(regions(x.values.shape[0], scale))), attributes)


@nodes_of("RoiAlign", since=10)
@nodes_of("RoiAlign", since=16)
@st.composite
def roi_align(draw: Draw, operator: str) -> NodeExample:
    x = draw(image(draw(shapes(4, 4))))
    scale = draw(st.sampled_from([1.0, 0.5, 0.0625]))
    array = draw(regions(x.values.shape[0], scale)).values
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
    if attributes["sampling_ratio"]:
        attributes |= draw(st.sampled_from([{}, {"mode": "max"}]))
    # Of a region turned inside out onnxruntime cannot count the samples, unless it is widened to 1.
    widened = opset < 16 or "coordinate_transformation_mode" in attributes
    if attributes["sampling_ratio"] == 0 and not widened:
        array[:, 1:] = np.sort(array[:, 1:].reshape(-1, 2, 2), axis=1).reshape(-1, 4)
    operands = (
        x,
        Tensor(array[:, 1:], {0: "samples"}),
        Tensor(array[:, 0].astype(np.int64), {0: "samples"}),
    )
    return NodeExample((operator,), operands, attributes, opset=opset)


# Examples


ONE_REGION = np.array([[0, 0, 0, 0, 4]], np.float32)


def pooling(bins: int, size: int) -> onnx.ModelProto:
    return graph(
        f"""g (float[1,2,{size},1] x, float[r,5] regions) => (float[r,2,{bins},1] y) {{
            y = MaxRoiPool<pooled_shape=[{bins},1], spatial_scale=1.0>(x, regions)
        }}"""
    )


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("bins", [3, 6, 7, 14])
def test_bins_are_the_same_in_a_graph(bins: int, compiled: bool) -> None:
    """Of rows that rise and fall the greatest tells where a bin ends and where it starts. A graph
    divides by a constant as it likes, so that ⌊3 · 49 / 7⌋ may be 20."""
    size, model = 300, pooling(bins, 300)
    rows = np.arange(size, dtype=np.float32)
    x = np.stack([rows, -rows - 1]).reshape(1, 2, size, 1)
    regions = np.array([[0, 0, 5, 0, 5 + height] for height in range(290)], np.float32)
    raised = raise_and_compare(model, {"x": x, "regions": regions})
    run = tf.function(lambda *inputs: raised.model(list(inputs)), jit_compile=compiled)
    received = np.moveaxis(np.asarray(run(np.moveaxis(x, 1, -1), regions)), -1, 1)
    np.testing.assert_array_equal(
        received, in_onnxruntime(model, {"x": x, "regions": regions})["y"]
    )


@pytest.mark.parametrize(
    "corners",
    [
        (-900, -900, 900, 900),  # far larger than the map
        (5, 5, 2, 2),  # the wrong way round
        (100, 100, 120, 130),  # beside the map
        (0.5, 1.5, 2.5, 3.49999),  # halves go away from 0
        (-0.5, -1.5, 2, 2),
        (np.nan, 0, 3, 3),
    ],
)
def test_regions_of_all_kinds(corners: tuple[float, ...]) -> None:
    text = """g (float[2,3,6,7] x, float[r,5] regions) => (float[r,3,2,3] y) {
        y = MaxRoiPool<pooled_shape=[2,3], spatial_scale=1.0>(x, regions)
    }"""
    regions = np.array([[1, *corners], [0, 0, 0, 6, 5]], np.float32)
    raise_and_compare(graph(text), {"x": seeded((2, 3, 6, 7)), "regions": regions})


def test_no_regions() -> None:
    raised = raise_and_compare(pooling(2, 5), {"x": seeded((1, 2, 5, 1)), "regions": ONE_REGION})
    assert raised.model([seeded((1, 5, 1, 2)), ONE_REGION[:0]]).shape == (0, 2, 1, 2)


def test_a_map_of_unknown_size_is_refused() -> None:
    text = """g (float[1,3,h,w] x, float[r,5] regions) => (float[r,3,2,2] y) {
        y = MaxRoiPool<pooled_shape=[2,2], spatial_scale=1.0>(x, regions)
    }"""
    with pytest.raises(UnsupportedOperatorError, match="unknown size"):
        plan_of(graph(text))


def test_the_greatest_of_as_many_points_as_pixels_is_refused() -> None:
    text = """g (float[1,3,4,4] x, float[r,4] regions, int64[r] images) => (float[r,3,1,1] y) {
        y = RoiAlign<mode="max">(x, regions, images)
    }"""
    with pytest.raises(UnsupportedOperatorError, match="max"):
        plan_of(graph(text))


@pytest.mark.parametrize("options", ['mode="cubic"', 'mode="bicubic"', 'padding_mode="reflection"'])
def test_every_grid_sample(options: str) -> None:
    text = f"""g (float[1,3,4,4] x, float[1,2,2,2] grid) => (float[1,3,2,2] y) {{
        y = GridSample<{options}>(x, grid)
    }}"""
    model = graph(text, opset=20 if options == 'mode="cubic"' else 17)
    raise_and_compare(model, {"x": seeded((1, 3, 4, 4)), "grid": seeded((1, 2, 2, 2), 1)})
