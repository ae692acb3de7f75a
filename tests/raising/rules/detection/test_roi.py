"""Regions of a map, beyond what the raising law draws: compiled, and at the edges."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import tensorflow as tf

from bridge.errors import UnsupportedOperatorError
from tests.helpers.keras_against_onnx import (
    graph,
    in_onnxruntime,
    plan_of,
    raise_and_compare,
    seeded,
)

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


def test_the_greatest_of_points_is_refused() -> None:
    text = """g (float[1,3,4,4] x, float[r,4] regions, int64[r] images) => (float[r,3,1,1] y) {
        y = RoiAlign<mode="max">(x, regions, images)
    }"""
    with pytest.raises(UnsupportedOperatorError, match="max"):
        plan_of(graph(text))


@pytest.mark.parametrize("options", ['mode="cubic"', 'mode="bicubic"', 'padding_mode="reflection"'])
def test_another_grid_sample_is_refused(options: str) -> None:
    text = f"""g (float[1,3,4,4] x, float[1,2,2,2] grid) => (float[1,3,2,2] y) {{
        y = GridSample<{options}>(x, grid)
    }}"""
    with pytest.raises(UnsupportedOperatorError, match="this GridSample"):
        plan_of(graph(text, opset=20 if "cubic" in options else 17))
