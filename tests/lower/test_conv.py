from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bridge.caffe import Net
from bridge.errors import ShapeError, WeightsError
from bridge.lower import lower
from golden_cases import assert_close

rng = np.random.default_rng(0)
X = rng.standard_normal((2, 3, 6, 5)).astype(np.float32)


@pytest.mark.parametrize("type_", ["DepthwiseConvolution", "ConvolutionDepthwise"])
def test_depthwise_layers_need_no_group(one_layer: Callable[..., Any], type_: str) -> None:
    weight, bias = rng.standard_normal((3, 1, 3, 3)), rng.standard_normal(3)
    text = "convolution_param { num_output: 3 kernel_size: 3 pad: 1 stride: 2 %s }"
    expected = one_layer("Convolution", text % "group: 3", weights=[weight, bias], x=X)
    assert_close(one_layer(type_, text % "", weights=[weight, bias], x=X), expected)


def test_a_depthwise_layer_without_group_may_be_a_convolution(
    one_layer: Callable[..., Any],
) -> None:
    weights = [rng.standard_normal((3, 3, 3, 3)), rng.standard_normal(3)]
    text = "convolution_param { num_output: 3 kernel_size: 3 pad: 1 stride: 2 }"
    expected = one_layer("Convolution", text, weights=weights, x=X)
    assert_close(one_layer("DepthwiseConvolution", text, weights=weights, x=X), expected)


def test_im2col_makes_each_place_of_a_window_a_channel(one_layer: Callable[..., Any]) -> None:
    columns = one_layer("Im2col", "convolution_param { kernel_size: 2 }", x=X)
    assert columns.shape == (2, 12, 5, 4)
    windows = np.lib.stride_tricks.sliding_window_view(X, (2, 2), (2, 3))
    assert_close(columns, windows.transpose(0, 1, 4, 5, 2, 3).reshape(2, 12, 5, 4))


def test_weights_go_in_as_they_lie(net_of: Callable[..., Net]) -> None:
    text = """layer { name: "d" type: "Deconvolution" bottom: "x" top: "y"
              convolution_param { num_output: 4 kernel_size: 2 } }"""
    net = net_of(text, {"d": [np.ones((3, 4, 2, 2)), np.ones(4)]}, x=(1, 3, 5, 5))
    model = lower(net)
    (blob, _) = net.layers[0].blobs
    assert model.weights["d.weight"].sources == (blob,)
    assert model.weights["d.weight"].shape == (3, 4, 2, 2)


def test_one_weight_serves_all_bottoms(net_of: Callable[..., Net]) -> None:
    text = """layer { name: "c" type: "Convolution" bottom: "a" bottom: "b" top: "ya" top: "yb"
              convolution_param { num_output: 2 kernel_size: 1 bias_term: false } }"""
    net = net_of(text, {"c": [np.ones((2, 3, 1, 1))]}, a=(1, 3, 4, 4), b=(1, 3, 4, 4))
    model = lower(net)
    assert list(model.weights) == ["c.weight"]
    assert [(n.name, *n.output) for n in model.proto.graph.node] == [
        ("c", "ya"),
        ("c/conv_2", "yb"),
    ]


@pytest.mark.parametrize(
    ("settings", "weight", "error"),
    [
        ("num_output: 4 kernel_size: 3", (4, 2, 3, 3), WeightsError),
        ("num_output: 4 kernel_size: 3 kernel_h: 3", (4, 3, 3, 3), ShapeError),
        ("num_output: 4 kernel_size: 9", (4, 3, 9, 9), ShapeError),
    ],
)
def test_misfits_are_refused(
    one_layer: Callable[..., Any], settings: str, weight: tuple[int, ...], error: type[Exception]
) -> None:
    with pytest.raises(error, match="layer 'l'"):
        one_layer(
            "Convolution",
            f"convolution_param {{ {settings} bias_term: false }}",
            weights=[np.ones(weight)],
            x=X,
        )
