from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bridge.errors import UnknownFieldError
from tests.helpers.golden_cases import assert_close

X = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)

OPERATIONS = {
    "SUM": np.sum,
    "ASUM": lambda x, axes: np.abs(x).sum(axes),
    "SUMSQ": lambda x, axes: (x**2).sum(axes),
    "MEAN": np.mean,
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_reduction(one_layer: Callable[..., Any], operation: str, axis: int) -> None:
    text = f"reduction_param {{ operation: {operation} axis: {axis} coeff: 0.5 }}"
    axes = tuple(range(axis % 3, 3))
    assert_close(one_layer("Reduction", text, x=X), OPERATIONS[operation](X, axes) / 2)


def test_an_operation_that_caffe_has_not(one_layer: Callable[..., Any]) -> None:
    with pytest.raises(UnknownFieldError, match="MAX"):
        one_layer("Reduction", "reduction_param { operation: MAX }", x=X)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_of_equal_numbers_the_last_is_first(one_layer: Callable[..., Any], count: int) -> None:
    x = np.float32([[[3, 5, 5, 1]], [[2, 2, 2, 2]]])
    text = f"argmax_param {{ axis: 2 top_k: {count} }}"
    expected = np.float32([[[2, 1, 0, 3]], [[3, 2, 1, 0]]])[..., :count]
    assert_close(one_layer("ArgMax", text, x=x), expected)


def test_indices_and_values_side_by_side(one_layer: Callable[..., Any]) -> None:
    y = one_layer("ArgMax", "argmax_param { top_k: 2 out_max_val: true }", x=X)
    flat = X.reshape(2, 12)
    indices = flat.argsort(1)[:, :-3:-1]
    assert_close(y, np.stack([indices, np.take_along_axis(flat, indices, 1)], 1))
