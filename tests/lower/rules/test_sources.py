from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bridge.caffe import Net
from bridge.errors import ShapeError
from bridge.lower import lower


def test_dummy_data_fills_each_top(net_of: Callable[..., Net], run: Callable[..., Any]) -> None:
    text = """layer { name: "d" type: "DummyData" top: "a" top: "b" dummy_data_param {
              shape { dim: 2 } shape { dim: 1 dim: 2 }
              data_filler { type: "constant" value: 3 } data_filler { } } }"""
    text += 'layer { name: "r" type: "ReLU" bottom: "x" top: "r" }'
    results = run(lower(net_of(text, x=(1,))), x=[0])
    assert results["a"].tolist() == [3, 3]
    assert results["b"].tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("axis", "batch"), [("", 3), ("axis: 1", 2), ("axis: -1 batch_size: 4", 4)]
)
def test_continuation_of_a_bottom(one_layer: Callable[..., Any], axis: str, batch: int) -> None:
    text = f"continuation_indicator_param {{ time_step: 3 {axis} }}"
    indicator = one_layer("ContinuationIndicator", text, x=np.zeros((3, 2, 4)))
    assert indicator.tolist() == [[0] * batch, [1] * batch, [1] * batch]


def test_a_batch_of_two_sizes(one_layer: Callable[..., Any]) -> None:
    text = "continuation_indicator_param { time_step: 3 batch_size: 2 }"
    with pytest.raises(ShapeError, match="batch_size differs"):
        one_layer("ContinuationIndicator", text, x=np.zeros((3, 2, 4)))
