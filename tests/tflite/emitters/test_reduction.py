"""Reductions along axes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.helpers.keras_against_onnx import graph, seeded
from tests.tflite.litert import written

X = seeded((2, 3, 4, 5))


@pytest.mark.parametrize("name", ["ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd"])
@pytest.mark.parametrize("kept", [0, 1])
@pytest.mark.parametrize("axes", [[1], [2, 3], [-1]])
def test_a_reduction_is_right(name: str, kept: int, axes: list[int], tmp_path: Path) -> None:
    text = f"g (float[b,3,4,5] x) => (y) {{ y = {name}<axes={axes}, keepdims={kept}>(x) }}"
    written(graph(text), {"x": X}, tmp_path)


@pytest.mark.parametrize("axis", [1, 3])
@pytest.mark.parametrize("last", [0, 1])
def test_the_index_of_the_largest(axis: int, last: int, tmp_path: Path) -> None:
    """Of equal ones the first, or the last."""
    x = np.round(X * 3)
    text = f"g (float[b,3,4,5] x) => (y) {{ y = ArgMax<axis={axis}, select_last_index={last}>(x) }}"
    written(graph(text), {"x": x}, tmp_path)


def test_the_index_of_the_smallest(tmp_path: Path) -> None:
    net = graph("g (float[b,3,4,5] x) => (y) { y = ArgMin<axis=1, keepdims=0>(x) }")
    written(net, {"x": X}, tmp_path)


def test_the_largest_and_sums_so_far(tmp_path: Path) -> None:
    text = "g (float[b,3,4,5] x) => (v, i, s) { v, i = TopK<axis=3>(x, k) s = CumSum(x, a) }"
    constants = {"k": np.int64([2]), "a": np.int64(1)}
    model = written(graph(text, constants), {"x": X}, tmp_path)
    assert {"TOPK_V2", "CUMSUM"} <= {operator.code for operator in model.operators}
