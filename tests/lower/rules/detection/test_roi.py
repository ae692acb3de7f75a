"""Layers around regions against loops over their bins and points."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, exp, floor, pi
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge.caffe import Net
from bridge.errors import UnsupportedLayerError
from bridge.lower import lower
from tests.helpers.golden_cases import assert_close

Array = NDArray[np.float32]
f32 = np.float32
rng = np.random.default_rng(0)


def _rounded(x: float) -> float:
    """C's round(): halves go away from 0."""
    return floor(x + 0.5) if x >= 0 else -floor(-x + 0.5)


def position_sensitive(x: Array, regions: Array, scale: float, depth: int, groups: int) -> Array:
    _, _, height, width = x.shape
    y = np.zeros((len(regions), depth, groups, groups), f32)
    for r, (image, *corners) in enumerate(regions):
        left, top, right, bottom = (f32(_rounded(corner)) for corner in corners)
        start_w, start_h = left * f32(scale), top * f32(scale)
        bin_w = max((right + f32(1)) * f32(scale) - start_w, f32(0.1)) / f32(groups)
        bin_h = max((bottom + f32(1)) * f32(scale) - start_h, f32(0.1)) / f32(groups)
        for d, i, j in np.ndindex(depth, groups, groups):
            rows = [floor(f32(i) * bin_h + start_h), ceil(f32(i + 1) * bin_h + start_h)]
            columns = [floor(f32(j) * bin_w + start_w), ceil(f32(j + 1) * bin_w + start_w)]
            rows = [min(max(row, 0), height) for row in rows]
            columns = [min(max(column, 0), width) for column in columns]
            part = x[int(image), (d * groups + i) * groups + j, slice(*rows), slice(*columns)]
            y[r, d, i, j] = part.mean() if part.size else 0
    return y


# Boxes inside, across each edge, outside, turned round, and with halves to be rounded.
EDGES = [
    [0, 0, 0, 63, 47],
    [1, -20.5, -0.5, 30.5, 1.5],
    [0, 50.5, 40, 200, 100],
    [1, 100, 100, 120, 120],
    [0, -90, -90, -70, -60],
    [1, 40, 40, 10, 12],
    [0, 2.5, 3.5, 2.5, 3.5],
    [1, 0.49999997, 0, 16, 16],
]


@pytest.mark.parametrize("axes", [2, 4])
@pytest.mark.parametrize("groups", [1, 3])
def test_position_sensitive_pooling(one_layer: Callable[..., Any], groups: int, axes: int) -> None:
    x = rng.standard_normal((2, 2 * groups**2, 12, 16)).astype(f32)
    drawn = rng.uniform(-20, 80, (30, 4))
    regions = np.float32([*EDGES, *np.c_[np.arange(30) % 2, drawn]])
    text = f"psroi_pooling_param {{ spatial_scale: 0.25 output_dim: 2 group_size: {groups} }}"
    blob = regions.reshape(-1, 5, *[1] * (axes - 2))
    y = one_layer("PSROIPooling", text, x=x, regions=blob)
    assert_close(y, position_sensitive(x, regions, 0.25, 2, groups))


def test_regions_do_not_belong_to_the_batch(
    net_of: Callable[..., Net], run: Callable[..., Any]
) -> None:
    text = """layer { name: "l" type: "PSROIPooling" bottom: "x" bottom: "regions" top: "y"
        psroi_pooling_param { spatial_scale: 0.25 output_dim: 1 group_size: 2 } }"""
    model = lower(net_of(text, x=(1, 4, 12, 16), regions=(8, 5)))
    assert model.inputs == {"x": ("batch", 4, 12, 16), "regions": (8, 5)}
    x = rng.standard_normal((3, 4, 12, 16)).astype(f32)
    regions = np.float32(EDGES) + f32([1, 0, 0, 0, 0])
    y = run(model, x=x, regions=regions)["y"]
    assert_close(y, position_sensitive(x, regions, 0.25, 1, 2))


def _between(plane: Array, y: float, x: float) -> float:
    """Caffe2's bilinear_interpolate."""
    height, width = plane.shape
    if y < -1 or y > height or x < -1 or x > width:
        return 0.0
    y, x = max(y, 0.0), max(x, 0.0)
    low_y, low_x = min(int(y), height - 1), min(int(x), width - 1)
    high_y, high_x = min(low_y + 1, height - 1), min(low_x + 1, width - 1)
    y, x = min(y, height - 1), min(x, width - 1)
    down, right = y - low_y, x - low_x
    above = plane[low_y, low_x] * (1 - right) + plane[low_y, high_x] * right
    below = plane[high_y, low_x] * (1 - right) + plane[high_y, high_x] * right
    return float(above * (1 - down) + below * down)


@pytest.mark.parametrize("ratio", [2, 0, -1])
def test_aligned_pooling(one_layer: Callable[..., Any], ratio: int) -> None:
    x = rng.standard_normal((2, 3, 9, 11)).astype(f32)
    regions = np.float32([*EDGES[:3], *np.c_[np.arange(9) % 2, rng.uniform(-5, 50, (9, 4))]])
    text = f"""roi_align_param {{ pooled_h: 2 pooled_w: 3 spatial_scale: 0.25
                                  sampling_ratio: {ratio} }}"""
    expected = np.zeros((len(regions), 3, 2, 3), f32)
    for r, (image, *corners) in enumerate(regions):
        left, top, right, bottom = (corner * 0.25 for corner in corners)
        bin_w, bin_h = max(right - left, 1) / 3, max(bottom - top, 1) / 2
        down, across = (ratio, ratio) if ratio > 0 else (ceil(bin_h), ceil(bin_w))
        for c, i, j in np.ndindex(3, 2, 3):
            points = [
                (top + (i + (a + 0.5) / down) * bin_h, left + (j + (b + 0.5) / across) * bin_w)
                for a, b in np.ndindex(down, across)
            ]
            values = [_between(x[int(image), c], *point) for point in points]
            expected[r, c, i, j] = sum(values) / len(values)
    assert_close(one_layer("ROIAlign", text, x=x, regions=regions), expected)


def test_aligned_pooling_of_an_unknown_kind_is_refused(one_layer: Callable[..., Any]) -> None:
    text = "roi_align_param { pooled_h: 2 pooled_w: 2 }"
    with pytest.raises(UnsupportedLayerError, match="several forks have a ROIAlign"):
        one_layer("ROIAlign", text, x=np.ones((1, 1, 4, 4)), regions=np.ones((1, 5)))


@given(as_dim=st.booleans(), seed=st.integers(0, 2**16))
@settings(
    max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_regions_around_points(
    net_of: Callable[..., Net], run: Callable[..., Any], as_dim: bool, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    inputs = {
        "x": draw.standard_normal((2, 3, 8, 10)).astype(f32),
        "points": draw.uniform(-40, 40, (2, 4)).astype(f32),
        "truth": draw.uniform(-30, 30, (2, 4)).astype(f32),
    }
    text = f"""layer {{ name: "l" type: "SubRegion" bottom: "x" bottom: "points" bottom: "truth"
        top: "cut" top: "offset" top: "middle" sub_region_param {{ region_height: 3
        region_width: 4 data_height: 61 data_width: 60 as_dim: {int(as_dim)} }} }}"""
    model = lower(net_of(text, **{name: array.shape for name, array in inputs.items()}))
    assert (model.inputs["x"][0] == "batch") is as_dim
    results = run(model, **inputs)
    cut = np.zeros((2, 2, 3, 3, 4), f32)  # image, point, channel, row, column
    offset, middle = np.zeros((2, 4), f32), np.zeros((2, 4), f32)
    for n, p in np.ndindex(2, 2):
        x, y = inputs["points"][n, 2 * p : 2 * p + 2]
        left = floor((x / f32(60) + f32(0.5)) * f32(10) - f32(2))
        top = floor((y / f32(61) + f32(0.5)) * f32(8) - f32(1))
        for i, j in np.ndindex(3, 4):
            if 0 <= top + i < 8 and 0 <= left + j < 10:
                cut[n, p, :, i, j] = inputs["x"][n, :, top + i, left + j]
        middle[n, 2 * p] = (left + 2 + 0.5) / 10 * 60
        middle[n, 2 * p + 1] = (top + 1.5 + 0.5) / 8 * 61
    offset = inputs["truth"] + f32([30, 30, 30, 30]) - middle
    cut = cut.reshape(2, 6, 3, 4) if as_dim else cut.swapaxes(0, 1).reshape(4, 3, 3, 4)
    assert_close(results["cut"], cut)
    assert_close(results["middle"], middle)
    assert_close(results["offset"], offset)


@pytest.mark.parametrize("centred", ["true", "false"])
@pytest.mark.parametrize("size", ["", "output_height: 5 output_width: 6"])
def test_bells_over_points(one_layer: Callable[..., Any], centred: str, size: str) -> None:
    points = np.float32([[-3, 4, 0, 0], [20, -20, 7, 2.5]])
    text = f"""hotspot_param {{ gaussian_std: 1.5 data_height: 40 data_width: 30 {size}
                                mean_removed: {centred} }}"""
    y = one_layer("Hotspot", text, points=points, like=np.ones((1, 1, 7, 9)))
    height, width = (5, 6) if size else (7, 9)
    expected = np.zeros((2, 2, height, width))
    shift = 0.5 if centred == "true" else 0
    for n, p, i, j in np.ndindex(expected.shape):
        across = (points[n, 2 * p] / 30 + shift) * width - j
        down = (points[n, 2 * p + 1] / 40 + shift) * height - i
        bell = 0.5 / 1.5**2 / pi * exp(-0.5 * (across**2 + down**2) / 1.5**2)
        expected[n, p, i, j] = bell if bell > 1e-4 else 0
    assert_close(y, expected)
    assert (y == 0).any()
