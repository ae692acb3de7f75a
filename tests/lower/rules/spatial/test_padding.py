"""Frames around maps against numpy's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bridge.caffe import Net
from bridge.errors import ShapeError
from bridge.lower import lower
from tests.helpers.golden_cases import assert_close

rng = np.random.default_rng(0)
X = rng.standard_normal((2, 3, 4, 5))
SIDES = [(0, 0), (0, 0), (1, 2), (3, 0)]
EVEN = [(0, 0), (0, 0), (2, 2), (2, 2)]


@pytest.mark.parametrize(
    ("settings", "widths", "how"),
    [
        ("pad_u: 1 pad_d: 2 pad_l: 3 pad_r: 0", SIDES, {}),
        ("pad_u: 1 pad_d: 2 pad_l: 3 pad_value: 1.5", SIDES, {"constant_values": 1.5}),
        ("pad_u: 1 pad_d: 2 pad_l: 3 pad_type: REFLECT", SIDES, {"mode": "reflect"}),
        ("paddings: [0, 0, 0, 0, 1, 2, 3, 0]", SIDES, {}),
        (
            "paddings: [0, 0, 1, 0, 0, 1, 1, 1] constant_values: -2",
            [(0, 0), (1, 0), (0, 1), (1, 1)],
            {"constant_values": -2},
        ),
        ("pad: 2", EVEN, {}),
        ("pad: 2 type: ZERO", EVEN, {}),
        ("pad: 2 type: REPLICATE", EVEN, {"mode": "edge"}),
        ("pad: 2 type: REFLECT", EVEN, {"mode": "symmetric"}),
        ("pad: 2 type: REFLECT_101", EVEN, {"mode": "reflect"}),
    ],
)
def test_pad(
    one_layer: Callable[..., Any], settings: str, widths: list[Any], how: dict[str, Any]
) -> None:
    result = one_layer("Pad", f"pad_param {{ {settings} }}", x=X)
    assert_close(result, np.pad(X, widths, **{"mode": "constant", **how}))


def test_a_width_below_nothing_cuts(one_layer: Callable[..., Any]) -> None:
    result = one_layer("Pad", "pad_param { pad_u: -1 pad_d: -1 pad_l: -2 pad_r: -1 }", x=X)
    assert_close(result, X[:, :, 1:-1, 2:-1])


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("", "of no fork"),
        ("pad: 1 pad_u: 1", "or of several"),
        ("paddings: [1, 1]", "do not match the axes"),
        ("pad_u: 1 pad_d: -1", "both pads and crops"),
        ("pad: 4 type: REFLECT_101", "reflects more than the input has"),
        ("pad_u: -2 pad_d: -2 pad_l: -1 pad_r: -1", "larger than its padded input"),
    ],
)
def test_what_pad_refuses(one_layer: Callable[..., Any], settings: str, problem: str) -> None:
    with pytest.raises(ShapeError, match=problem):
        one_layer("Pad", f"pad_param {{ {settings} }}", x=X)


Y = rng.standard_normal((2, 3, 7, 8))
MIDDLE = Y[:, :, 1:5, 1:6]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("", np.concatenate([X, MIDDLE], axis=1)),
        ("operation: ADD", X + MIDDLE),
        ("forward: [false, true]", np.concatenate([0 * X, MIDDLE], axis=1)),
        ("forward: [true, false] operation: ADD backward: [true, true]", X),
    ],
)
def test_merge_crop(one_layer: Callable[..., Any], settings: str, expected: Any) -> None:
    assert_close(one_layer("MergeCrop", f"mergecrop_param {{ {settings} }}", x=X, z=Y), expected)


def test_merge_crop_of_volumes_of_one_size(one_layer: Callable[..., Any]) -> None:
    x, z = rng.standard_normal((2, 1, 2, 3, 4, 5))
    assert_close(one_layer("MergeCrop", x=x, z=z), np.concatenate([x, z], axis=1))


@pytest.mark.parametrize(
    ("shape", "problem"),
    [((2, 4, 7, 8), "do not fit"), ((2, 3, 4, 4), "smaller"), ((2, 3, 4), "do not fit")],
)
def test_what_merge_crop_refuses(
    one_layer: Callable[..., Any], shape: tuple[int, ...], problem: str
) -> None:
    with pytest.raises(ShapeError, match=problem):
        one_layer("MergeCrop", x=X, z=np.zeros(shape))


def test_the_batch_is_free(net_of: Callable[..., Net], run: Callable[..., Any]) -> None:
    text = """
        layer { name: "p" type: "Pad" bottom: "x" top: "p" pad_param { pad: 1 type: REFLECT } }
        layer { name: "m" type: "MergeCrop" bottom: "p" bottom: "z" top: "m" }"""
    model = lower(net_of(text, x=(1, 3, 2, 3), z=(1, 3, 7, 8)))
    assert model.inputs == {"x": ("batch", 3, 2, 3), "z": ("batch", 3, 7, 8)}
    x = X[:, :, :2, :3]
    framed = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)], mode="symmetric")
    result = run(model, x=x, z=Y)["m"]
    assert_close(result, np.concatenate([framed, MIDDLE], axis=1))
