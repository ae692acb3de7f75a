from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bridge.caffe import Net
from bridge.lower import lower


def test_dummy_data_fills_each_top(net_of: Callable[..., Net], run: Callable[..., Any]) -> None:
    text = """layer { name: "d" type: "DummyData" top: "a" top: "b" dummy_data_param {
              shape { dim: 2 } shape { dim: 1 dim: 2 }
              data_filler { type: "constant" value: 3 } data_filler { } } }"""
    text += 'layer { name: "r" type: "ReLU" bottom: "x" top: "r" }'
    results = run(lower(net_of(text, x=(1,))), x=[0])
    assert results["a"].tolist() == [3, 3]
    assert results["b"].tolist() == [[0, 0]]
