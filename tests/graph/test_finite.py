"""Weights of which something is NaN or infinite."""

from __future__ import annotations

import numpy as np
import pytest

from bridge import ir
from bridge.graph import finite
from bridge.graph.finite import not_finite, weights_of
from tests.helpers.keras_against_onnx import graph


def test_each_weight_that_is_not_finite_has_a_line() -> None:
    weights = {
        "sound": np.zeros((2, 2), np.float32),
        "nan": np.array([1, np.nan, np.nan], np.float32),
        "infinite": np.array([[np.inf, 0]], np.float32),
    }
    assert list(not_finite(weights.items())) == [
        "weight 'nan': 2 of its 3 numbers are NaN or infinite",
        "weight 'infinite': 1 of its 2 numbers are NaN or infinite",
    ]


def test_bounds_and_whole_numbers_pass() -> None:
    bound, indices = np.array(np.inf, np.float32), np.array([1, 2])
    assert list(not_finite([("bound", bound), ("indices", indices)])) == []


def test_the_weights_of_a_graph_are_its_initializers() -> None:
    bias = np.array([1, 2], np.float32)
    model = graph("g (float[2] x) => (float[2] y) { y = Add(x, bias) }", {"bias": bias})
    ((name, array),) = weights_of(ir.from_proto(model))
    assert name == "bias"
    np.testing.assert_array_equal(array, bias)


def test_every_block_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finite, "BLOCK", 8)
    array = np.zeros((3, 7), np.float32)
    assert list(not_finite([("w", array)])) == []
    array[2, 6] = np.inf
    assert list(not_finite([("w", array)])) == [
        "weight 'w': 1 of its 21 numbers are NaN or infinite"
    ]
