"""Convolutions and transposed ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.errors import UnsupportedError
from bridge.tflite.emission import lite_model
from tests.helpers.keras_against_onnx import graph, plan_of, seeded
from tests.tflite.litert import written


@pytest.mark.parametrize(
    ("attributes", "kernel", "shape", "code", "version"),
    [
        ("", (4, 2, 3, 3), (2, 2, 7, 8), "CONV_2D", 1),
        ("strides=[2,1], pads=[0,1,1,0]", (4, 2, 3, 2), (2, 2, 7, 8), "CONV_2D", 1),
        ("dilations=[2,3]", (4, 2, 2, 2), (2, 2, 7, 8), "CONV_2D", 1),
        ("group=2", (4, 2, 3, 3), (2, 4, 7, 8), "CONV_2D", 6),
        ("group=4", (8, 1, 3, 3), (2, 4, 7, 8), "DEPTHWISE_CONV_2D", 1),
        ("group=4, dilations=[2,2]", (4, 1, 3, 3), (2, 4, 7, 8), "DEPTHWISE_CONV_2D", 2),
        ("strides=[2]", (4, 2, 3), (2, 2, 9), "CONV_2D", 1),
        ("group=2", (2, 1, 3), (2, 2, 9), "DEPTHWISE_CONV_2D", 1),
        ("strides=[1,2,1]", (4, 2, 3, 2, 1), (2, 2, 5, 6, 3), "CONV_3D", 1),
    ],
)
def test_a_convolution_is_right(
    attributes: str, kernel: tuple[int, ...], shape: tuple[int, ...], code: str, version: int,
    tmp_path: Path,
) -> None:  # fmt: skip
    sizes = ",".join(map(str, shape[1:]))
    text = f"g (float[b,{sizes}] x) => (y) {{ y = Conv<{attributes}>(x, w, o) }}"
    net = graph(text.replace("<>", ""), {"w": seeded(kernel), "o": seeded(kernel[:1], 2)})
    model = written(net, {"x": seeded(shape, 1)}, tmp_path)
    assert [o.version for o in model.operators if o.code == code] == [version]


@pytest.mark.parametrize(
    ("attributes", "kernel", "shape"),
    [
        ("", (2, 3, 3, 3), (2, 2, 4, 5)),
        ("strides=[2,3]", (2, 3, 2, 2), (2, 2, 4, 5)),
        ("strides=[2,2], pads=[1,1,1,1]", (2, 3, 4, 4), (2, 2, 4, 5)),
        ("dilations=[2,1]", (2, 3, 3, 2), (2, 2, 4, 5)),
        ("strides=[2]", (2, 3, 3), (2, 2, 4)),
    ],
)
@pytest.mark.parametrize("batch", ["b", 2])
def test_a_transposed_convolution_is_right(
    attributes: str, kernel: tuple[int, ...], shape: tuple[int, ...], batch: str | int,
    tmp_path: Path,
) -> None:  # fmt: skip
    sizes = ",".join(map(str, (batch, *shape[1:])))
    text = f"g (float[{sizes}] x) => (y) {{ y = ConvTranspose<{attributes}>(x, w, o) }}"
    net = graph(text.replace("<>", ""), {"w": seeded(kernel), "o": seeded(kernel[1:2], 2)})
    model = written(net, {"x": seeded(shape, 1)}, tmp_path)
    codes = [operator.code for operator in model.operators]
    assert "TRANSPOSE_CONV" in codes
    assert ("SHAPE" in codes) == (batch == "b")


def test_of_a_map_whose_size_is_free_none_is_written() -> None:
    text = "g (float[b,2,h,5] x) => (y) { y = ConvTranspose(x, w) }"
    with pytest.raises(UnsupportedError, match="a map whose size is free"):
        lite_model(plan_of(graph(text, {"w": seeded((2, 3, 3, 3))})))


def test_a_convolution_takes_maps_of_any_size(tmp_path: Path) -> None:
    text = "g (float[b,2,h,v] x) => (y) { y = Conv<pads=[1,1,1,1]>(x, w) }"
    net = graph(text, {"w": seeded((3, 2, 3, 3))})
    written(net, {"x": seeded((2, 2, 6, 4), 1)}, tmp_path)
