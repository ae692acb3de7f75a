"""Functions number by number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bridge.errors import UnsupportedError
from bridge.tflite.emission import lite_model
from tests.helpers.keras_against_onnx import graph, plan_of, seeded
from tests.tflite.litert import written

X, Z = np.abs(seeded((2, 3, 4))) + 0.1, seeded((2, 1, 4), 1) + 2


@pytest.mark.parametrize(
    "name", "Abs Ceil Cos Exp Floor Log Neg Reciprocal Round Sign Sin Sqrt".split()
)
def test_of_one_tensor(name: str, tmp_path: Path) -> None:
    net = graph(f"g (float[b,3,4] x) => (y) {{ y = {name}(x) }}")
    written(net, {"x": X}, tmp_path)


@pytest.mark.parametrize("name", "Add Sub Mul Div Max Min Pow".split())
def test_of_two_tensors(name: str, tmp_path: Path) -> None:
    net = graph(f"g (float[b,3,4] x, float[b,1,4] z) => (y) {{ y = {name}(x, z) }}")
    written(net, {"x": X, "z": Z}, tmp_path)


@pytest.mark.parametrize("name", "Equal Greater GreaterOrEqual Less LessOrEqual".split())
def test_comparisons_choose(name: str, tmp_path: Path) -> None:
    text = f"g (float[b,3,4] x, float[b,1,4] z) => (y) {{ c = {name}(x, z) y = Where(c, x, z) }}"
    written(graph(text), {"x": X, "z": Z}, tmp_path)


@pytest.mark.parametrize("name", "And Or".split())
def test_truth_values(name: str, tmp_path: Path) -> None:
    text = f"g (bool[b,3] x, bool[b,3] z) => (y) {{ n = Not(x) y = {name}(n, z) }}"
    feeds = {"x": X[:, :, 0] > 0.5, "z": Z[:, 0, :3] > 2}
    written(graph(text), feeds, tmp_path)


@pytest.mark.parametrize("name", ["int32", "int64"])
def test_integers_are_added_and_subtracted(name: str, tmp_path: Path) -> None:
    text = f"g ({name}[b,3] x, {name}[b,3] z) => (y) {{ s = Add(x, z) y = Sub(s, x) }}"
    x = np.arange(6, dtype=name).reshape(2, 3)
    written(graph(text), {"x": x, "z": x * 3}, tmp_path)


def test_more_axes_than_litert_broadcasts_are_said() -> None:
    text = "g (float[b,1,2,2,2] x, float[b,2,2,2,1] z) => (y) { y = Max(x, z) }"
    with pytest.raises(UnsupportedError, match="MAXIMUM of two shapes of 5 axes"):
        lite_model(plan_of(graph(text)))
