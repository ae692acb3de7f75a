"""C3D's layers, and pooling of volumes, against loops over windows."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.caffe import Net
from bridge.lower import lower
from tests.helpers.golden_cases import assert_close

Array = NDArray[np.float64]
rng = np.random.default_rng(0)
X = rng.standard_normal((2, 3, 5, 7, 8))


def _pooled(
    x: Array, pool: str, kernel: list[int], stride: list[int], pad: list[int], count: list[int]
) -> Array:
    """Each window by itself; an average is divided by its part of the padded map."""
    y = np.zeros((*x.shape[:2], *count))
    for index in product(*map(range, count)):
        starts = [i * s - p for i, s, p in zip(index, stride, pad, strict=True)]
        ends = [
            min(start + k, size + p)
            for start, k, size, p in zip(starts, kernel, x.shape[2:], pad, strict=True)
        ]
        area = np.prod([end - start for start, end in zip(starts, ends, strict=True)])
        window = tuple(
            slice(max(start, 0), min(end, size))
            for start, end, size in zip(starts, ends, x.shape[2:], strict=True)
        )
        part = x[(slice(None), slice(None), *window)]
        reduced = part.max((2, 3, 4)) if pool == "MAX" else part.sum((2, 3, 4)) / area
        y[(slice(None), slice(None), *index)] = reduced
    return y


@pytest.mark.parametrize("pool", ["MAX", "AVE"])
def test_pooling_of_volumes(one_layer: Callable[..., Any], pool: str) -> None:
    text = f"pooling_param {{ pool: {pool} kernel_size: 3 stride: 2 pad: 1 }}"
    y = one_layer("Pooling", text, x=X)
    # Sizes 5, 7 and 8, padded: 3, 4 and 5 windows, of which the last still begins inside.
    assert_close(y, _pooled(X, pool, [3] * 3, [2] * 3, [1] * 3, [3, 4, 5]))


def test_pooling_of_whole_volumes(one_layer: Callable[..., Any]) -> None:
    y = one_layer("Pooling", "pooling_param { pool: AVE global_pooling: true }", x=X)
    assert_close(y, X.mean((2, 3, 4), keepdims=True))


@pytest.mark.parametrize(("pool", "pad"), [("MAX", 0), ("AVE", 0), ("AVE", 1)])
def test_pooling_with_a_depth(one_layer: Callable[..., Any], pool: str, pad: int) -> None:
    text = f"""pooling_param {{ pool: {pool} kernel_size: 3 kernel_depth: 2 stride: 2
                                temporal_stride: 3 pad: {pad} }}"""
    y = one_layer("Pooling3D", text, x=X)
    count = [2, 4, 5] if pad else [2, 3, 4]
    assert_close(y, _pooled(X, pool, [2, 3, 3], [3, 2, 2], [0, pad, pad], count))


@pytest.mark.parametrize("settings", ["", "filter_group: 2"])
def test_convolution_with_a_depth(one_layer: Callable[..., Any], settings: str) -> None:
    weight, bias = rng.standard_normal((4, 3, 2, 3, 3)), rng.standard_normal(4)
    text = f"""convolution_param {{ num_output: 4 kernel_size: 3 kernel_depth: 2 stride: 2 pad: 1
                                    temporal_pad: 1 {settings} }}"""
    y = one_layer("Convolution3D", text, weights=[weight, bias], x=X)
    padded = np.pad(X, ((0, 0), (0, 0), (1, 1), (1, 1), (1, 1)))
    expected = np.zeros((2, 4, 6, 4, 4))
    for n, o, d, i, j in np.ndindex(expected.shape):
        window = padded[n, :, d : d + 2, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
        expected[n, o, d, i, j] = (window * weight[o]).sum() + bias[o]
    assert_close(y, expected)


def test_layers_of_c3d_in_its_own_dialect(net_of: Callable[..., Net]) -> None:
    text = """
    layers { name: "conv" type: CONVOLUTION3D bottom: "x" top: "conv"
             convolution_param { num_output: 4 kernel_size: 3 kernel_depth: 3 bias_term: false } }
    layers { name: "pool" type: POOLING3D bottom: "conv" top: "pool"
             pooling_param { kernel_size: 2 kernel_depth: 1 stride: 2 temporal_stride: 1 } }
    """
    weights = {"conv": [np.zeros((4, 3, 3, 3, 3))]}
    header = 'input: "x" input_dim: [1, 3, 8, 9] '
    model = lower(net_of(header + text, weights), input_shape={"x": (1, 3, 4, 8, 9)})
    assert model.outputs == {"pool": ("batch", 4, 2, 3, 4)}
