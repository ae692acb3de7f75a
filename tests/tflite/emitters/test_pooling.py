"""Pooling, padding and enlarging."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.helpers.keras_against_onnx import graph, seeded
from tests.tflite.litert import written


@pytest.mark.parametrize(
    ("node", "shape"),
    [
        ("MaxPool<kernel_shape=[2,3], strides=[2,1]>(x)", (2, 3, 6, 7)),
        ("MaxPool<kernel_shape=[3,3], pads=[1,1,1,1]>(x)", (2, 3, 6, 7)),
        ("AveragePool<kernel_shape=[2,2], strides=[2,2]>(x)", (2, 3, 6, 7)),
        ("AveragePool<kernel_shape=[3,3], pads=[1,1,1,1]>(x)", (2, 3, 6, 7)),
        ("MaxPool<kernel_shape=[2]>(x)", (2, 3, 7)),
        ("AveragePool<kernel_shape=[3], strides=[2]>(x)", (2, 3, 7)),
        ("GlobalAveragePool(x)", (2, 3, 6, 7)),
        ("GlobalMaxPool(x)", (2, 3, 6, 7)),
    ],
)
def test_pooling_is_right(node: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    sizes = ",".join(map(str, shape[1:]))
    net = graph(f"g (float[b,{sizes}] x) => (y) {{ y = {node} }}")
    written(net, {"x": seeded(shape)}, tmp_path)


@pytest.mark.parametrize(("mode", "code"), [("constant", "PADV2"), ("reflect", "MIRROR_PAD")])
def test_padding_is_right(mode: str, code: str, tmp_path: Path) -> None:
    pads = np.int64([0, 0, 1, 0, 0, 0, 2, 1])
    value = ", v" if mode == "constant" else ""
    text = f'g (float[b,2,4,5] x) => (y) {{ y = Pad<mode="{mode}">(x, p{value}) }}'
    constants = {"p": pads, **({"v": np.float32(1.5)} if value else {})}
    model = written(graph(text, constants), {"x": seeded((2, 2, 4, 5))}, tmp_path)
    assert [operator.code for operator in model.operators] == [code]


@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize("size", ["h", 3])
def test_pixels_are_repeated(scale: int, size: str | int, tmp_path: Path) -> None:
    text = (
        f'g (float[b,2,{size},4] x) => (y) {{ y = Resize<mode="nearest", '
        'coordinate_transformation_mode="asymmetric", nearest_mode="floor">(x, , s) }'
    )
    net = graph(text, {"s": np.float32([1, 1, scale, scale])})
    model = written(net, {"x": seeded((2, 2, 3, 4))}, tmp_path)
    assert model.operators[-1].code == "RESIZE_NEAREST_NEIGHBOR"
