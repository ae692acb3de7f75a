"""Which of the numbers are taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bridge.errors import UnsupportedError
from bridge.tflite.emission import lite_model
from bridge.tflite.emitters.selecting import get_item
from bridge.tflite.graph import Graph, NotWrittenError, Tensor
from tests.helpers.keras_against_onnx import graph, plan_of, seeded
from tests.tflite.litert import written

X = seeded((2, 3, 6, 5))


@pytest.mark.parametrize(
    ("starts", "ends", "axes", "steps"),
    [
        ([1], [3], [1], [1]),
        ([0, -4], [3, 9], [1, 2], [2, 3]),
        ([-1], [-99], [2], [-1]),
        ([4], [1], [3], [-2]),
    ],
)
def test_a_slice_is_right(
    starts: list[int], ends: list[int], axes: list[int], steps: list[int], tmp_path: Path
) -> None:
    parts = dict(zip("seat", map(np.int64, (starts, ends, axes, steps)), strict=True))
    net = graph("g (float[b,3,6,5] x) => (y) { y = Slice(x, s, e, a, t) }", parts)
    written(net, {"x": X}, tmp_path)


@pytest.mark.parametrize("indices", [[0, 2], [[1], [-1]], 1])
def test_indices_are_right(indices: object, tmp_path: Path) -> None:
    text = "g (float[b,3,6,5] x) => (y) { y = Gather<axis=2>(x, i) }"
    written(graph(text, {"i": np.int64(indices)}), {"x": X}, tmp_path)


@pytest.mark.parametrize("size", ["b", 4])
def test_indices_that_are_computed_count_from_the_end_as_well(
    size: str | int, tmp_path: Path
) -> None:
    text = f"g (float[{size},3] x, int64[2] i) => (y) {{ y = Gather(x, i) }}"
    written(graph(text), {"x": seeded((4, 3)), "i": np.int64([-1, 2])}, tmp_path)


def test_an_index_of_an_axis_drops_it() -> None:
    g, x = Graph(), Tensor("x", (None, 3, 4), "float32")
    assert get_item(g, x, [..., -1]).shape == (None, 3)
    assert get_item(g, x, (0, slice(None), slice(0, 4, 2))).shape == (3, 2)
    assert get_item(g, x, [slice(None), ...]) is x
    for key in ([-1], [slice(1, None)], [None, 0, 0, 0], [0.5]):
        with pytest.raises(NotWrittenError):
            get_item(g, x, key)


def test_indices_beyond_the_axis_are_said() -> None:
    text = "g (float[b,3] x, float[b,h] z) => (y) { y = Gather<axis=1>(z, i) }"
    with pytest.raises(UnsupportedError, match="of an axis of size None"):
        lite_model(plan_of(graph(text, {"i": np.int64([-1])})))
