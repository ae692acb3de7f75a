"""PriorBox against the loops of the forks' prior_box_layer.cpp."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import pytest

from bridge.errors import ShapeError
from tests.helpers.golden_cases import assert_close

X, IMAGE = np.ones((1, 1, 2, 3)), np.ones((1, 3, 64, 96))


def test_priors_are_a_constant(one_layer: Callable[..., Any]) -> None:
    text = """prior_box_param { min_size: 4.9 max_size: 9 aspect_ratio: 2 aspect_ratio: 2
              step_h: 8 step_w: 16 img_h: 20 img_w: 40 variance: 0.1 }"""
    priors = one_layer("PriorBox", text, x=np.ones((1, 1, 2, 2)), image=np.ones((1, 3, 99, 99)))
    assert priors.shape == (1, 2, 2 * 2 * 4 * 4)
    boxes = priors[0, 0].reshape(2, 2, 4, 4) * [40, 20, 40, 20]
    centres = (boxes[..., :2] + boxes[..., 2:]) / 2
    assert_close(centres[:, :, 0], np.float32([[[8, 4], [24, 4]], [[8, 12], [24, 12]]]))
    sizes = (boxes[..., 2:] - boxes[..., :2])[1, 1]
    root = np.sqrt(2)
    assert_close(sizes, np.float32([[4, 4], [6, 6], [4 * root, 4 / root], [4 / root, 4 * root]]))
    assert_close(priors[0, 1], np.full(64, np.float32(0.1)))


def tiled(
    sizes: list[int], densities: list[int], ratios: list[float], step: float, offset: float
) -> list[list[float]]:
    """Forward_cpu of lippman1125/faceboxes_lqy for X and IMAGE, where there is a fixed_size."""
    boxes = []
    for h, w in np.ndindex(2, 3):
        x, y = (w + offset) * step, (h + offset) * step
        for size, density in zip(sizes, densities, strict=True):
            shift = size // density
            for ratio in ratios:
                width, height = size * sqrt(ratio), size / sqrt(ratio)
                for r in range(density):
                    for c in range(density):
                        cx = x - size // 2 + shift / 2.0 + c * shift
                        cy = y - size // 2 + shift / 2.0 + r * shift
                        low = max((cx - width / 2) / 96, 0), max((cy - height / 2) / 64, 0)
                        high = min((cx + width / 2) / 96, 1), min((cy + height / 2) / 64, 1)
                        boxes.append([*low, *high])
    return boxes


@pytest.mark.parametrize(
    ("sizes", "densities", "settings", "ratios"),
    [
        ([32, 64], [4, 2], "", [1.0]),
        ([33], [4], "", [1.0]),
        ([15, 40], [2, 3], "aspect_ratio: 2 flip: false", [1, 2.0]),
        ([15, 40], [1, 3], "aspect_ratio: 2 flip: true", [1, 2.0, 0.5]),
        ([21], [2], "fixed_ratio: 3", [3.0]),
    ],
)
def test_boxes_of_fixed_sizes(
    one_layer: Callable[..., Any],
    sizes: list[int],
    densities: list[int],
    settings: str,
    ratios: list[float],
) -> None:
    fields = " ".join(f"fixed_size: {size}" for size in sizes)
    fields += " ".join(f" density: {density}" for density in densities)
    text = f"prior_box_param {{ {fields} {settings} step: 32 offset: 0.4 variance: 0.2 }}"
    priors = one_layer("PriorBox", text, x=X, image=IMAGE)
    expected = np.array(tiled(sizes, densities, ratios, 32, 0.4))
    assert_close(priors[0, 0].reshape(-1, 4), expected)
    assert_close(priors[0, 1], np.full(expected.size, 0.2))


def around_points(points: list[tuple[float, float]], step: float) -> list[list[float]]:
    """Boxes of 8 and of its ratio 2 at each point of each position, x and y, of X and IMAGE."""
    boxes = []
    for h, w in np.ndindex(2, 3):
        for width, height in ((8, 8), (8 * sqrt(2), 8 / sqrt(2))):
            for across, down in points:
                x, y = (w + across) * step, (h + down) * step
                low = (x - width / 2) / 96, (y - height / 2) / 64
                boxes.append([*low, (x + width / 2) / 96, (y + height / 2) / 64])
    return boxes


@pytest.mark.parametrize(
    ("settings", "points"),
    [
        # MhLiao/TextBoxes_plusplus
        ("denser_prior_boxes: true", [(0.5, 0.5), (0.5, 1.0)]),
        ("denser_prior_boxes: true offset: 0.3", [(0.3, 0.3), (0.3, 1.0)]),
        ("denser_prior_boxes: false", [(0.5, 0.5)]),
        # OpenCV's modules/dnn/src/layers/prior_box_layer.cpp
        ("offset_h: 0.5 offset_h: 1 offset_w: 0.5 offset_w: 0.25", [(0.5, 0.5), (0.25, 1.0)]),
        ("offset_h: 0 offset_w: 0.25", [(0.25, 0.0)]),
    ],
)
def test_boxes_around_several_points(
    one_layer: Callable[..., Any], settings: str, points: list[tuple[float, float]]
) -> None:
    text = f"prior_box_param {{ min_size: 8 aspect_ratio: 2 flip: false step: 32 {settings} }}"
    priors = one_layer("PriorBox", text, x=X, image=IMAGE)
    assert_close(priors[0, 0].reshape(-1, 4), np.array(around_points(points, 32)))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("fixed_size: 32", "density does not match"),
        ("density: 2", "density does not match"),
        ("fixed_size: 32 density: 2 min_size: 4", "with other boxes"),
        ("fixed_size: 32.5 density: 2", "whole numbers"),
        ("fixed_size: 4 density: 8", "density is above"),
        ("fixed_size: 32 density: 2 fixed_ratio: 1 fixed_ratio: 2", "ratios"),
        ("fixed_size: 32 density: 2 fixed_ratio: 1 aspect_ratio: 2", "ratios"),
        ("min_size: 4 offset_h: 0.5", "does not match offset_w"),
        ("min_size: 4 offset_h: 0.5 offset_w: 1 offset: 0.5", "alone"),
        ("min_size: 4 offset_h: [0, 1, 2] offset_w: [0, 1, 2]", "at most 2"),
    ],
)
def test_boxes_of_no_layer(one_layer: Callable[..., Any], settings: str, problem: str) -> None:
    with pytest.raises(ShapeError, match=problem):
        one_layer("PriorBox", f"prior_box_param {{ {settings} }}", x=X, image=IMAGE)
