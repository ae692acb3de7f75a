from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bridge.errors import ShapeError, UnknownFieldError, UnsupportedLayerError
from tests.helpers.golden_cases import assert_close

rng = np.random.default_rng(0)
A, B, C = rng.uniform(0.5, 2, (3, 2, 3, 4)).astype(np.float32)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("", A + B + C),
        ("operation: PROD", A * B * C),
        ("operation: MAX", np.maximum(np.maximum(A, B), C)),
        ("operation: MIN", np.minimum(np.minimum(A, B), C)),
        ("coeff: 2 coeff: 1 coeff: -0.5", 2 * A + B - C / 2),
    ],
)
def test_eltwise_of_three(one_layer: Callable[..., Any], settings: str, expected: Any) -> None:
    assert_close(one_layer("Eltwise", f"eltwise_param {{ {settings} }}", a=A, b=B, c=C), expected)


def test_a_difference_is_one(one_layer: Callable[..., Any]) -> None:
    assert_close(one_layer("Eltwise", "eltwise_param { coeff: 1 coeff: -1 }", a=A, b=B), A - B)


@pytest.mark.parametrize(("operation", "expected"), [("SUB", A - B), ("DIV", A / B)])
def test_eltwise_of_forks(one_layer: Callable[..., Any], operation: str, expected: Any) -> None:
    text = f"eltwise_param {{ operation: {operation} }}"
    assert_close(one_layer("Eltwise", text, a=A, b=B), expected)
    with pytest.raises(ShapeError, match=f"{operation} takes two inputs"):
        one_layer("Eltwise", text, a=A, b=B, c=C)


def test_eltwise_of_two_shapes_shows_both(one_layer: Callable[..., Any]) -> None:
    with pytest.raises(ShapeError, match=r"2 3 4, 2 3 1\s.*hint: a Scale"):
        one_layer("Eltwise", "eltwise_param { operation: PROD }", a=A, b=B[:, :, :1])


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1, 1)])
def test_broadcast_mul(one_layer: Callable[..., Any], shape: tuple[int, ...]) -> None:
    """broadcast_mul_layer.cpp of yurikorolov/caffe: the larger one by the number of a channel."""
    x, y = rng.standard_normal((2, 3, 4, 5)), rng.standard_normal(shape)
    expected = x * y.reshape(2, 3, 1, 1)
    assert_close(one_layer("BroadcastMul", x=x, scale=y), expected)
    assert_close(one_layer("BroadcastMul", scale=y, x=x), expected)
    with pytest.raises(ShapeError, match="inputs do not fit"):
        one_layer("BroadcastMul", x=x, scale=y[:, :1])


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ("operation: PROD coeff: 1 coeff: 2", ShapeError),
        ("coeff: 1", ShapeError),
        ("operation: MEAN", UnknownFieldError),
    ],
)
def test_eltwise_that_caffe_has_not(
    one_layer: Callable[..., Any], settings: str, error: type[Exception]
) -> None:
    with pytest.raises(error, match="layer 'l'"):
        one_layer("Eltwise", f"eltwise_param {{ {settings} }}", a=A, b=B)


@pytest.mark.parametrize(("axis", "rank"), [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (-1, 1)])
@pytest.mark.parametrize("type_", ["Scale", "Bias"])
def test_a_second_bottom_lies_along_any_axes(
    one_layer: Callable[..., Any], type_: str, axis: int, rank: int
) -> None:
    start = axis % 3
    operand = rng.standard_normal(A.shape[start : start + rank]).astype(np.float32)
    y = one_layer(type_, f"{type_.lower()}_param {{ axis: {axis} }}", x=A, z=operand)
    spread = operand.reshape(operand.shape + (1,) * (3 - start - rank))
    assert_close(y, A * spread if type_ == "Scale" else A + spread)


@pytest.mark.parametrize("type_", ["Exp", "Log"])
@pytest.mark.parametrize("base", [-1, 2, 10])
def test_any_base(one_layer: Callable[..., Any], type_: str, base: float) -> None:
    text = f"{type_.lower()}_param {{ base: {base} scale: 0.5 shift: 0.25 }}"
    inner, number = 0.25 + A / 2, np.e if base == -1 else base
    expected = number**inner if type_ == "Exp" else np.log(inner) / np.log(number)
    assert_close(one_layer(type_, text, x=A), expected)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("power: 0", np.ones_like(A)),
        ("scale: 0 shift: 3 power: 2", np.full_like(A, 9)),
        ("scale: 2 shift: 1 power: -1", 1 / (1 + 2 * A)),
    ],
)
def test_power(one_layer: Callable[..., Any], settings: str, expected: Any) -> None:
    assert_close(one_layer("Power", f"power_param {{ {settings} }}", x=A), expected)


def test_axpy(one_layer: Callable[..., Any]) -> None:
    factor = rng.standard_normal((2, 3)).astype(np.float32)
    a, b = rng.standard_normal((2, 2, 3, 4, 5)).astype(np.float32)
    spread = factor[..., None, None]
    assert_close(one_layer("Axpy", f=spread, a=a, b=b), spread * a + b)


@pytest.mark.parametrize(("type_", "base"), [("Exp", 0), ("Exp", -2), ("Log", 0), ("Log", 1)])
def test_no_other_base(one_layer: Callable[..., Any], type_: str, base: float) -> None:
    with pytest.raises(UnsupportedLayerError, match=f"received: {base}"):
        one_layer(type_, f"{type_.lower()}_param {{ base: {base} }}", x=A)
