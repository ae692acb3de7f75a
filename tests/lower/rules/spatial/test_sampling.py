"""SpatialTransformer and DeformableConvolution against the loops of their forks."""

from __future__ import annotations

from collections.abc import Callable
from math import floor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.caffe import Net
from bridge.errors import GraphError, ShapeError, UnsupportedLayerError
from bridge.lower import lower
from tests.helpers.golden_cases import assert_close

Array = NDArray[np.float64]
rng = np.random.default_rng(0)
X = rng.standard_normal((2, 4, 5, 7))


def transformed(x: Array, theta: Array, size: tuple[int, int]) -> Array:
    """SpatialTransformerForwardGPU of daerduoCarey's st_layer.cu."""
    count, _, height, width = x.shape
    out = np.zeros((*x.shape[:2], *size))
    for i, s, t in np.ndindex(count, *size):
        grid = np.array([s / size[0] * 2 - 1, t / size[1] * 2 - 1, 1])
        px, py = theta[i].reshape(2, 3) @ grid
        down, across = (px + 1) / 2 * height, (py + 1) / 2 * width
        for m in (floor(down), floor(down) + 1):
            for n in (floor(across), floor(across) + 1):
                if 0 <= m < height and 0 <= n < width:
                    weight = (1 - abs(down - m)) * (1 - abs(across - n))
                    out[i, :, s, t] += weight * x[i, :, m, n]
    return out


@pytest.mark.parametrize("size", [None, (5, 7), (3, 4), (9, 2), (1, 1)])
def test_spatial_transformer(one_layer: Callable[..., Any], size: tuple[int, int] | None) -> None:
    theta = rng.standard_normal((2, 6)) * 0.7 + [1, 0, 0, 0, 1, 0]
    fields = "" if size is None else f"output_H: {size[0]} output_W: {size[1]}"
    text = f"st_param {{ {fields} to_compute_dU: false }}"
    sampled = one_layer("SpatialTransformer", text, x=X, theta=theta)
    assert_close(sampled, transformed(X, theta, size or (5, 7)))


def test_the_same_again(one_layer: Callable[..., Any]) -> None:
    theta = np.tile([1.0, 0, 0, 0, 1, 0], (2, 1))
    assert_close(one_layer("SpatialTransformer", x=X, theta=theta), X)


def test_numbers_of_theta_that_are_set(one_layer: Callable[..., Any]) -> None:
    free = rng.standard_normal((2, 3, 1, 1)) * 0.5
    a, b, c = free.reshape(2, 3).T
    theta = np.stack([np.full(2, 0.8), a, b, np.full(2, -0.1), np.full(2, 1.2), c], axis=1)
    text = "st_param { theta_1_1: 0.8 theta_2_1: -0.1 theta_2_2: 1.2 }"
    sampled = one_layer("SpatialTransformer", text, x=X, theta=free)
    assert_close(sampled, transformed(X, theta, (5, 7)))


def test_theta_that_does_not_fit(one_layer: Callable[..., Any]) -> None:
    with pytest.raises(ShapeError, match="theta does not fit"):
        one_layer("SpatialTransformer", x=X, theta=np.ones((2, 5)))
    text = 'st_param { transform_type: "tps" }'
    with pytest.raises(UnsupportedLayerError, match="does not support this"):
        one_layer("SpatialTransformer", text, x=X, theta=np.ones((2, 6)))


def test_an_opset_without_the_operator(net_of: Callable[..., Net]) -> None:
    text = 'layer { name: "s" type: "SpatialTransformer" bottom: "x" bottom: "t" top: "y" }'
    with pytest.raises(GraphError, match="--opset 16"):
        lower(net_of(text, x=X.shape, t=(2, 6)), opset=13)


def _bilinear(x: Array, down: float, across: float) -> Array:
    """x: c h w; deformable_im2col_bilinear."""
    ends = []
    for at, size in ((down, x.shape[1]), (across, x.shape[2])):
        low = floor(at)
        if low >= size - 1:
            ends.append((size - 1, size - 1, 0.0))
        else:
            ends.append((low, low + 1, at - low))
    (top, bottom, a), (left, right, b) = ends
    upper = (1 - b) * x[:, top, left] + b * x[:, top, right]
    lower_ = (1 - b) * x[:, bottom, left] + b * x[:, bottom, right]
    result: Array = (1 - a) * upper + a * lower_
    return result


def deformed(
    x: Array, offset: Array, w: Array, stride: int, pad: int, dilation: int, group: int, parts: int
) -> Array:
    """deformable_im2col_gpu_kernel of unsky's deformable_im2col.cu, and a product for each group;
    channels are parted evenly among the offsets' groups."""
    count, channels, height, width = x.shape
    outputs, _, kh, kw = w.shape
    rows, columns = offset.shape[2:]
    out = np.zeros((count, outputs, rows, columns))
    for n, i, j in np.ndindex(count, rows, columns):
        taken = np.zeros((channels, kh, kw))
        for part, a, b in np.ndindex(parts, kh, kw):
            own = slice(part * channels // parts, (part + 1) * channels // parts)
            at = 2 * (part * kh * kw + a * kw + b)
            down = i * stride - pad + a * dilation + offset[n, at, i, j]
            across = j * stride - pad + b * dilation + offset[n, at + 1, i, j]
            if 0 <= down < height and 0 <= across < width:
                taken[own, a, b] = _bilinear(x[n, own], down, across)
        for g in range(group):
            inputs = slice(g * channels // group, (g + 1) * channels // group)
            own = slice(g * outputs // group, (g + 1) * outputs // group)
            out[n, own, i, j] = np.einsum("oikl,ikl->o", w[own], taken[inputs])
    return out


@pytest.mark.parametrize(
    ("kernel", "stride", "pad", "dilation", "group", "parts"),
    [
        ((3, 3), 1, 1, 1, 1, 1),
        ((3, 3), 2, 0, 1, 2, 1),
        ((2, 3), 1, 2, 2, 1, 2),
        ((1, 1), 1, 0, 1, 1, 4),
        ((3, 3), 1, 2, 2, 2, 2),
    ],
)
def test_deformable_convolution(
    one_layer: Callable[..., Any],
    kernel: tuple[int, int],
    stride: int,
    pad: int,
    dilation: int,
    group: int,
    parts: int,
) -> None:
    w, b = rng.standard_normal((6, 4 // group, *kernel)), rng.standard_normal(6)
    sizes = [
        (n + 2 * pad - dilation * (k - 1) - 1) // stride + 1
        for n, k in zip(X.shape[2:], kernel, strict=True)
    ]
    # Quarters lie, to the bit, on positions, on the last one, and up to one behind it.
    offset = rng.integers(-10, 11, (2, 2 * parts * kernel[0] * kernel[1], *sizes)) / 4
    said = f"deformable_group: {parts}" if parts > 1 else ""
    text = f"""deformable_convolution_param {{ num_output: 6 kernel_h: {kernel[0]}
        kernel_w: {kernel[1]} stride: {stride} pad: {pad} dilation: {dilation} group: {group}
        {said} }}"""
    convolved = one_layer("DeformableConvolution", text, weights=[w, b], x=X, offset=offset)
    expected = deformed(X, offset, w, stride, pad, dilation, group, parts)
    assert_close(convolved, expected + b[:, None, None])


@pytest.mark.parametrize("settings", ["deformable_group: 2", "deformable_group: 3", "pad: 1"])
def test_offsets_that_do_not_fit(one_layer: Callable[..., Any], settings: str) -> None:
    text = f"deformable_convolution_param {{ num_output: 2 kernel_size: 3 {settings} }}"
    with pytest.raises(ShapeError, match="offsets do not fit"):
        one_layer("DeformableConvolution", text, x=X, offset=np.ones((2, 18, 3, 5)))


def test_the_batch_is_free(net_of: Callable[..., Net], run: Callable[..., Any]) -> None:
    text = """layer { name: "s" type: "SpatialTransformer" bottom: "x" bottom: "t" top: "s" }
        layer { name: "d" type: "DeformableConvolution" bottom: "s" bottom: "o" top: "y"
          deformable_convolution_param { num_output: 2 kernel_size: 3 pad: 1 bias_term: false } }"""
    weights = {"d": [rng.standard_normal((2, 4, 3, 3))]}
    model = lower(net_of(text, weights, x=(1, 4, 5, 7), t=(1, 6), o=(1, 18, 5, 7)))
    assert {shape[0] for shape in model.inputs.values()} == {"batch"}
    fed = {"x": X, "t": rng.standard_normal((2, 6)), "o": rng.standard_normal((2, 18, 5, 7))}
    both = run(model, **fed)["y"]
    for i in range(2):
        alone = run(model, **{name: value[i : i + 1] for name, value in fed.items()})["y"]
        assert_close(both[i : i + 1], alone)
