from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bridge.caffe import Net
from bridge.errors import ShapeError, UnknownFieldError, UnsupportedLayerError
from bridge.lower import lower
from tests.helpers.golden_cases import assert_close

rng = np.random.default_rng(0)
X = rng.standard_normal((2, 3, 6, 5)).astype(np.float32)
MEAN, VARIANCE = rng.standard_normal(3), rng.uniform(0.5, 2, 3)


def _per_channel(vector: Any) -> Any:
    return np.asarray(vector)[:, None, None]


@pytest.mark.parametrize("factor", [0.0, 1.0, 999.5])
def test_statistics_are_divided_by_the_factor(one_layer: Callable[..., Any], factor: float) -> None:
    y = one_layer("BatchNorm", weights=[MEAN, VARIANCE, [factor]], x=X)
    scale = 1 / factor if factor else 0
    mean, variance = _per_channel(MEAN * scale), _per_channel(VARIANCE * scale)
    assert_close(y, (X - mean) / np.sqrt(variance + 1e-5))


def test_statistics_that_need_no_division_are_the_files_own(net_of: Callable[..., Net]) -> None:
    text = 'layer { name: "l" type: "BatchNorm" bottom: "x" top: "y" }'
    net = net_of(text, {"l": [MEAN, VARIANCE, [1.0]]}, x=X.shape)
    weights = lower(net).weights
    assert weights["l.mean"].leaves[0].read is net.layers[0].blobs[0].read
    assert weights["l.variance"].leaves[0].read is net.layers[0].blobs[1].read


SCALE, BIAS = rng.uniform(0.5, 2, 3), rng.standard_normal(3)


def _normed(x: Any, factor: float, eps: float) -> Any:
    mean, variance = _per_channel(MEAN / factor), _per_channel(VARIANCE / factor)
    return (x - mean) / np.sqrt(variance + eps)


@pytest.mark.parametrize(
    ("text", "divides_by", "eps"),
    [
        ("scale_bias: true eps: 0.01", 1, 0.01),
        ("scale_filler { value: 1 } eps: 1e-9", 1, 1e-5),
        ("use_weight_bias: true eps: 1e-9", 999.5, 1e-9),
        ("filler { value: 1 } bias_filler { } eps: 0.01", 999.5, 0.01),
    ],
)
@pytest.mark.parametrize("variance", [1, 1e-5])
def test_forks_have_scale_and_bias_behind(
    one_layer: Callable[..., Any], text: str, divides_by: float, eps: float, variance: float
) -> None:
    """NVIDIA's batch_norm_layer.cpp does not look at the factor, and has a least eps; Intel's
    mkldnn_batch_norm_layer.cpp divides by it."""
    weights = [MEAN, VARIANCE * variance, [999.5], SCALE, BIAS]
    y = one_layer("BatchNorm", f"batch_norm_param {{ {text} }}", weights=weights, x=X)
    mean, var = (_per_channel(statistic / divides_by) for statistic in weights[:2])
    expected = (X - mean) / np.sqrt(var + eps) * _per_channel(SCALE) + _per_channel(BIAS)
    assert_close(y, expected.astype(np.float32))


def test_intels_may_have_no_bias(one_layer: Callable[..., Any]) -> None:
    text = "batch_norm_param { use_weight_bias: true bias_term: false }"
    y = one_layer("BatchNorm", text, weights=[MEAN, VARIANCE, [2.0], SCALE], x=X)
    assert_close(y, (_normed(X, 2, 1e-5) * _per_channel(SCALE)).astype(np.float32))


def test_intels_have_a_relu_behind(one_layer: Callable[..., Any]) -> None:
    y = one_layer(
        "BatchNorm", "batch_norm_param { relu: true }", weights=[MEAN, VARIANCE, [1.0]], x=X
    )
    assert_close(y, np.maximum(_normed(X, 1, 1e-5), 0).astype(np.float32))


@pytest.mark.parametrize("affine", [False, True])
def test_an_image_may_have_its_own_statistics(one_layer: Callable[..., Any], affine: bool) -> None:
    """Pull request 4948 of BVLC/caffe."""
    more = "use_weight_bias: true" if affine else ""
    text = f"batch_norm_param {{ instance_norm: true eps: 0.1 {more} }}"
    weights = [MEAN, VARIANCE, [1.0], *([SCALE, BIAS] if affine else [])]
    y = one_layer("BatchNorm", text, weights=weights, x=X)
    mean, variance = (f((2, 3), keepdims=True) for f in (X.mean, X.var))
    expected = (X - mean) / np.sqrt(variance + 0.1)
    if affine:
        expected = expected * _per_channel(SCALE) + _per_channel(BIAS)
    assert_close(y, expected.astype(np.float32))


def test_an_image_cannot_have_global_statistics(one_layer: Callable[..., Any]) -> None:
    text = "batch_norm_param { instance_norm: true use_global_stats: true }"
    with pytest.raises(UnsupportedLayerError, match="instance_norm"):
        one_layer("BatchNorm", text, weights=[MEAN, VARIANCE, [1.0]], x=X)


def test_the_batchs_own_statistics_in_forks(one_layer: Callable[..., Any]) -> None:
    """Intel's scale and bias follow; NVIDIA's takes the global ones at test all the same."""
    weights = [MEAN, VARIANCE, [1.0], SCALE, BIAS]
    text = "batch_norm_param { use_global_stats: false eps: 0.1 %s: true }"
    scale, bias = _per_channel(SCALE), _per_channel(BIAS)
    y = one_layer("BatchNorm", text % "use_weight_bias", weights=weights, x=X)
    mean, variance = (f((0, 2, 3), keepdims=True) for f in (X.mean, X.var))
    expected = (X - mean) / np.sqrt(variance + 0.1) * scale + bias
    assert_close(y, expected.astype(np.float32))
    y = one_layer("BatchNorm", text % "scale_bias", weights=weights, x=X)
    assert_close(y, (_normed(X, 1, 0.1) * scale + bias).astype(np.float32))


def test_without_global_statistics_the_batch_has_its_own(one_layer: Callable[..., Any]) -> None:
    text = "batch_norm_param { use_global_stats: false eps: 0.1 }"
    y = one_layer("BatchNorm", text, weights=[MEAN, VARIANCE, [1.0]], x=X)
    mean, variance = (f((0, 2, 3), keepdims=True) for f in (X.mean, X.var))
    assert_close(y, (X - mean) / np.sqrt(variance + 0.1))


def test_within_a_channel_the_area_is_whole_at_the_borders(one_layer: Callable[..., Any]) -> None:
    text = "lrn_param { local_size: 3 alpha: 2 beta: 0.6 k: 7 norm_region: WITHIN_CHANNEL }"
    squares = np.pad(X**2, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(squares, (3, 3), (2, 3))
    assert_close(one_layer("LRN", text, x=X), X / (1 + 2 / 9 * windows.sum((4, 5))) ** 0.6)


def test_an_even_lrn_is_refused(one_layer: Callable[..., Any]) -> None:
    with pytest.raises(ShapeError, match="odd"):
        one_layer("LRN", "lrn_param { local_size: 4 }", x=X)


@pytest.mark.parametrize("across", [False, True])
def test_mvn_adds_eps_to_the_deviation(one_layer: Callable[..., Any], across: bool) -> None:
    axes = (1, 2, 3) if across else (2, 3)
    mean, deviation = X.mean(axes, keepdims=True), X.std(axes, keepdims=True)
    text = f"mvn_param {{ eps: 0.5 across_channels: {str(across).lower()} }}"
    assert_close(one_layer("MVN", text, x=X), (X - mean) / (deviation + 0.5))


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("axes", [2, 3, 4])
def test_ssds_normalize_takes_rows_too(
    one_layer: Callable[..., Any], axes: int, across: bool
) -> None:
    x, scale = X[(..., *[0] * (4 - axes))], np.float32([0.5, 2, -1])
    summed = tuple(range(1, axes)) if across else (1,)
    norm = np.sqrt((x**2).sum(summed, keepdims=True) + 1e-10)
    text = f"norm_param {{ across_spatial: {str(across).lower()} channel_shared: false }}"
    expected = x / norm * scale.reshape(3, *[1] * (axes - 2))
    assert_close(one_layer("Normalize", text, weights=[scale], x=x), expected)


def test_normalize_by_the_norm_at_each_position(
    net_of: Callable[..., Net], run: Callable[..., Any]
) -> None:
    text = """layer { name: "l" type: "Normalize" bottom: "x" top: "y" top: "norm"
              normalize_param { normalize_type: "L2" fix_gradient: true } }"""
    results = run(lower(net_of(text, x=X.shape)), x=X)
    norm = np.sqrt((X**2).sum(1, keepdims=True) + 1e-6)
    assert_close(results["y"], X / norm)
    assert_close(results["norm"], norm)


def test_normalize_gives_four_axes(net_of: Callable[..., Net], run: Callable[..., Any]) -> None:
    text = """layer { name: "l" type: "Normalize" bottom: "x" top: "y"
              normalize_param { normalize_type: "L1" } }"""
    model = lower(net_of(text, x=(1, 3)))
    assert model.outputs == {"y": ("batch", 3, 1, 1)}
    x = X[:, :, 0, 0]
    expected = x / (abs(x).sum(1, keepdims=True) + 1e-6)
    assert_close(run(model, x=x)["y"], expected[..., None, None])


def test_normalize_knows_two_norms(one_layer: Callable[..., Any]) -> None:
    with pytest.raises(UnsupportedLayerError, match="normalize_type L3"):
        one_layer("Normalize", 'normalize_param { normalize_type: "L3" }', x=X)


def test_ssds_normalize_has_one_top(net_of: Callable[..., Net]) -> None:
    text = 'layer { name: "l" type: "Normalize" bottom: "x" top: "y" top: "z" }'
    with pytest.raises(ShapeError, match="number of its tops"):
        lower(net_of(text, x=X.shape))


def test_whole_samples_are_normalized(one_layer: Callable[..., Any]) -> None:
    norm = np.sqrt((X**2).sum((1, 2, 3), keepdims=True))
    assert_close(one_layer("L2Normalization", x=X), X / norm)
    x = X[:, :, 0, 0]
    assert_close(one_layer("L2Normalization", x=x), x / np.linalg.norm(x, axis=1, keepdims=True))


def test_logits_may_be_divided_by_a_temperature(one_layer: Callable[..., Any]) -> None:
    y = one_layer("Softmax", "softmax_param { scaling_temperature: 2.5 }", x=X)
    powers = np.exp(X / 2.5)
    assert_close(y, powers / powers.sum(1, keepdims=True))
    with pytest.raises(UnsupportedLayerError, match="scaling_temperature is 0"):
        one_layer("Softmax", "softmax_param { scaling_temperature: 0 }", x=X)


class TestBN:
    """The layer type that means another thing in each fork."""

    vectors = rng.uniform(0.5, 2, (4, 1, 3, 1, 1))

    def test_pspnets_has_four_blobs(self, one_layer: Callable[..., Any]) -> None:
        slope, bias, mean, variance = (vector[0] for vector in self.vectors)
        text = "bn_param { slope_filler { } bias_filler { } eps: 0.25 frozen: true }"
        y = one_layer("BN", text, weights=self.vectors, x=X)
        assert_close(y, (X - mean) / np.sqrt(variance + 0.25) * slope + bias)

    def test_segnets_has_two(self, one_layer: Callable[..., Any]) -> None:
        text = "bn_param { bn_mode: INFERENCE scale_filler { } shift_filler { } }"
        y = one_layer("BN", text, weights=self.vectors[:2], x=X)
        assert_close(y, X * self.vectors[0, 0] + self.vectors[1, 0])

    @pytest.mark.parametrize(
        ("count", "text"),
        [(4, "scale_filler { }"), (2, ""), (2, "bn_mode: LEARN"), (3, ""), (4, "var_eps: 1e-9")],
    )
    def test_others_are_refused(self, one_layer: Callable[..., Any], count: int, text: str) -> None:
        refusals = (UnsupportedLayerError, UnknownFieldError)
        with pytest.raises(refusals, match="layer 'l'") as refusal:
            one_layer("BN", f"bn_param {{ {text} }}", weights=self.vectors[:count], x=X)
        assert ("bn_mode: INFERENCE" in str(refusal.value.hint)) == ("LEARN" in text)
