"""Shapes, and tensors that are put together or taken apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.helpers.keras_against_onnx import graph, seeded
from tests.tflite.litert import written

X = seeded((2, 3, 4, 5))


@pytest.mark.parametrize(
    ("node", "constants"),
    [
        ("Reshape(x, s)", {"s": [0, 4, 15]}),
        ("Reshape(x, s)", {"s": [-1, 10]}),
        ("Flatten(x)", {}),
        ("Transpose<perm=[0,3,1,2]>(x)", {}),
        ("Unsqueeze(x, a)", {"a": [1]}),
        ("Concat<axis=2>(x, x)", {}),
        ("Tile(x, t)", {"t": [1, 2, 1, 3]}),
        ("Identity(x)", {}),
        ("Dropout(x)", {}),
    ],
)
def test_a_shape_is_right(node: str, constants: dict[str, list[int]], tmp_path: Path) -> None:
    arrays = {name: np.int64(numbers) for name, numbers in constants.items()}
    net = graph(f"g (float[b,3,4,5] x) => (y) {{ y = {node} }}", arrays)
    written(net, {"x": X}, tmp_path)


def test_an_axis_of_size_1_is_squeezed(tmp_path: Path) -> None:
    net = graph("g (float[b,1,4] x) => (y) { y = Squeeze(x, a) }", {"a": np.int64([1])})
    written(net, {"x": seeded((2, 1, 4))}, tmp_path)


@pytest.mark.parametrize("sizes", [[2, 2], [1, 3]])
def test_a_tensor_is_split(sizes: list[int], tmp_path: Path) -> None:
    text = "g (float[b,3,4,5] x) => (y, z) { y, z = Split<axis=2>(x, s) }"
    written(graph(text, {"s": np.int64(sizes)}), {"x": X}, tmp_path)


def test_tensors_are_stacked(tmp_path: Path) -> None:
    text = (
        "g (float[b,3] x) => (y) { u = Unsqueeze(x, a) r = Relu(x) v = Unsqueeze(r, a) "
        "y = Concat<axis=1>(u, v) }"
    )
    written(graph(text, {"a": np.int64([1])}), {"x": X[:, :, 0, 0]}, tmp_path)
