from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.caffe import Net
from bridge.errors import ShapeError, WeightsError
from bridge.lower import lower
from tests.helpers.golden_cases import assert_close

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


def _convolved(x: NDArray[Any], w: NDArray[Any], dilation: tuple[int, int]) -> NDArray[Any]:
    """im2col.cpp of yjxiong's fork, without padding and with a stride of 1."""
    sizes = [s - d * (k - 1) for s, k, d in zip(x.shape[2:], w.shape[2:], dilation, strict=True)]
    y = np.zeros((len(x), len(w), *sizes))
    for i, j in product(*map(range, w.shape[2:])):
        rows, columns = (
            slice(at * d, at * d + size)
            for at, d, size in zip((i, j), dilation, sizes, strict=True)
        )
        y += np.einsum("nchw,oc->nohw", x[:, :, rows, columns], w[:, :, i, j])
    return y


@pytest.mark.parametrize(
    ("text", "dilation"),
    [
        ("hole: 2", (2, 2)),
        ("hole_h: 2 hole_w: 1", (2, 1)),
        ("dilation_h: 1 dilation_w: 2", (1, 2)),
    ],
)
def test_forks_spell_dilation_otherwise(
    one_layer: Callable[..., Any], text: str, dilation: tuple[int, int]
) -> None:
    w = rng.standard_normal((4, 3, 3, 2))
    settings = f"num_output: 4 kernel_h: 3 kernel_w: 2 bias_term: false {text}"
    y = one_layer("Convolution", f"convolution_param {{ {settings} }}", weights=[w], x=X)
    assert_close(y, _convolved(X, w, dilation).astype(np.float32))


def test_a_deconvolution_may_have_a_hole(one_layer: Callable[..., Any]) -> None:
    w = rng.standard_normal((3, 2, 2, 2))
    text = "convolution_param { num_output: 2 kernel_size: 2 bias_term: false %s: 2 }"
    expected = one_layer("Deconvolution", text % "dilation", weights=[w], x=X)
    assert expected.shape == (2, 2, 8, 7)
    assert_close(one_layer("Deconvolution", text % "hole", weights=[w], x=X), expected)


def test_a_hole_beside_a_dilation_is_refused(one_layer: Callable[..., Any]) -> None:
    text = "convolution_param { num_output: 1 kernel_size: 1 hole: 2 dilation: 2 }"
    with pytest.raises(ShapeError, match="dilation and hole are both set"):
        one_layer("Convolution", text, weights=[np.ones((1, 3, 1, 1)), [0]], x=X)


@pytest.mark.parametrize(
    ("text", "slope"), [("relu: true", 0), ("relu: true negative_slope: 0.25", 0.25)]
)
@pytest.mark.parametrize("type_", ["Convolution", "Deconvolution"])
def test_intels_have_a_relu_behind(
    one_layer: Callable[..., Any], type_: str, text: str, slope: float
) -> None:
    weights = [rng.standard_normal((3, 3, 2, 2)), rng.standard_normal(3)]
    settings = "convolution_param { num_output: 3 kernel_size: 2 %s }"
    y = one_layer(type_, settings % "negative_slope: 0.5", weights=weights, x=X)
    assert y.min() < 0
    expected = np.where(y > 0, y, slope * y)
    assert_close(one_layer(type_, settings % text, weights=weights, x=X), expected)


@pytest.mark.parametrize("text", ["", "num_output: 6", "num_output: 3"])
def test_a_depthwise_convolution_goes_by_its_weights(
    one_layer: Callable[..., Any], text: str
) -> None:
    """conv_dw_layer.cpp of anlongstory's fork never looks at num_output."""
    weight = rng.standard_normal((3, 1, 3, 3))
    settings = f"convolution_param {{ {text} kernel_size: 3 bias_term: false }}"
    windows = np.lib.stride_tricks.sliding_window_view(X, (3, 3), (2, 3))
    expected = np.einsum("nchwij,cij->nchw", windows, weight[:, 0])
    y = one_layer("ConvolutionDepthwise", settings, weights=[weight], x=X)
    assert_close(y, expected.astype(np.float32))


def test_im2col_makes_each_position_of_a_window_a_channel(one_layer: Callable[..., Any]) -> None:
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
    assert model.weights["d.weight"] == blob
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
def test_mismatches_are_refused(
    one_layer: Callable[..., Any], settings: str, weight: tuple[int, ...], error: type[Exception]
) -> None:
    with pytest.raises(error, match="layer 'l'"):
        one_layer(
            "Convolution",
            f"convolution_param {{ {settings} bias_term: false }}",
            weights=[np.ones(weight)],
            x=X,
        )
