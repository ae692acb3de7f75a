from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bridge.caffe import Net
from bridge.errors import ShapeError
from bridge.lower import lower
from tests.helpers.golden_cases import assert_close

rng = np.random.default_rng(0)
COUNT, GROWTH, CHANNELS = 3, 2, 4


def _normalised(x: Any, scale: Any, bias: Any, mean: Any, variance: Any) -> Any:
    return np.maximum((x - mean) / np.sqrt(variance + 1e-5) * scale + bias, 0)


def _convolved(x: Any, kernels: Any) -> Any:
    """x: n c h w, kernels: d c 3 3 → n d h w, by loops"""
    count, _, height, width = x.shape
    padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
    out = np.zeros((count, len(kernels), height, width))
    for n, d, i, j in np.ndindex(*out.shape):
        out[n, d, i, j] = np.sum(padded[n, :, i : i + 3, j : j + 3] * kernels[d])
    return out


def _vectors(sizes: list[int]) -> list[list[Any]]:
    """Scales, biases, means and variances, each 1 c 1 1."""
    kinds = [[rng.standard_normal((1, size, 1, 1)) for size in sizes] for _ in range(4)]
    kinds[3] = [abs(vector) + 0.5 for vector in kinds[3]]
    return kinds


@pytest.mark.parametrize("narrowed", [False, True])
@pytest.mark.parametrize("factor", [1.0, 2.5, 0.0])
def test_dense_block(
    net_of: Callable[..., Net], run: Callable[..., Any], narrowed: bool, factor: float
) -> None:
    widths = [CHANNELS + i * GROWTH for i in range(COUNT)]
    inner = [4 * GROWTH] * COUNT if narrowed else widths
    kernels = [rng.standard_normal((GROWTH, inner[i], 3, 3)) for i in range(COUNT)]
    first, second = _vectors(widths), _vectors(inner)
    narrow = [rng.standard_normal((4 * GROWTH, width, 1, 1)) for width in widths]
    blobs = [*kernels, *(vector for kind in first for vector in kind)]
    if narrowed:
        blobs += [*narrow, *(vector for kind in second for vector in kind)]
    x = rng.standard_normal((2, CHANNELS, 3, 4))

    text = f"""layer {{ name: "l" type: "DenseBlock" bottom: "x" top: "y"
        denseblock_param {{ numTransition: {COUNT} growthRate: {GROWTH} initChannel: {CHANNELS}
        {"use_BC: true" if narrowed else ""} moving_average_fraction: 0.9 }} }}"""
    model = lower(net_of(text, {"l": [*blobs, [factor]]}, x=(1, *x.shape[1:])))
    assert model.inputs == {"x": ("batch", CHANNELS, 3, 4)}
    result = run(model, x=x)["y"]

    share = 1 / factor if factor else 0
    expected = x
    for i in range(COUNT):
        scale, bias, mean, variance = (kind[i] for kind in first)
        new = _normalised(expected, scale, bias, mean * share, variance * share)
        if narrowed:
            new = np.einsum("nchw,dc->ndhw", new, narrow[i][:, :, 0, 0])
            scale, bias, mean, variance = (kind[i] for kind in second)
            new = _normalised(new, scale, bias, mean * share, variance * share)
        expected = np.concatenate([expected, _convolved(new, kernels[i])], axis=1)
    assert_close(result, expected)


def test_a_block_of_nothing_is_refused(net_of: Callable[..., Net]) -> None:
    text = """layer { name: "l" type: "DenseBlock" bottom: "x" top: "y"
        denseblock_param { numTransition: 2 } }"""
    with pytest.raises(ShapeError, match="must be positive"):
        lower(net_of(text, x=(1, 2, 3, 4)))
