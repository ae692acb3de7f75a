from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.caffe import Net
from bridge.errors import ShapeError, UnsupportedError, UnsupportedLayerError
from bridge.lower import lower
from tests.helpers.golden_cases import assert_close

X = np.random.default_rng(0).standard_normal((2, 3, 5, 7)).astype(np.float32)


def _along(x: NDArray[Any], size: int, axis: int) -> NDArray[Any]:
    """Linear interpolation with the corners kept, as interp_layer.cpp has it."""
    positions = np.linspace(0, x.shape[axis] - 1, size) if size > 1 else np.zeros(1)
    low = np.minimum(positions.astype(int), x.shape[axis] - 1)
    high = np.minimum(low + 1, x.shape[axis] - 1)
    part = (positions - low).reshape(-1, *[1] * (x.ndim - axis - 1))
    return x.take(low, axis) * (1 - part) + x.take(high, axis) * part


@pytest.mark.parametrize("size", [(1, 1), (3, 4), (5, 7), (9, 13), (11, 100)])
def test_interp_to_any_size(one_layer: Callable[..., Any], size: tuple[int, int]) -> None:
    y = one_layer("Interp", f"interp_param {{ height: {size[0]} width: {size[1]} }}", x=X)
    assert_close(y, _along(_along(X, size[0], 2), size[1], 3))


def test_interp_cuts_the_edges_off_first(one_layer: Callable[..., Any]) -> None:
    y = one_layer("Interp", "interp_param { zoom_factor: 2 pad_beg: -1 pad_end: -2 }", x=X)
    assert_close(y, _along(_along(X[:, :, 1:-2, 1:-2], 3, 2), 7, 3))


@pytest.mark.parametrize("size", [(2, 2), (5, 7), (9, 13)])
def test_bilinear_interpolation(one_layer: Callable[..., Any], size: tuple[int, int]) -> None:
    fields = f"dst_h: {size[0]} dst_w: {size[1]}"
    y = one_layer("BilinearInterpolate", f"bilinear_interpolate_param {{ {fields} }}", x=X)
    assert_close(y, _along(_along(X, size[0], 2), size[1], 3))
    fields += " align_corners: false"
    y = one_layer("BilinearInterpolate", f"bilinear_interpolate_param {{ {fields} }}", x=X)
    assert_close(y, _as_squares(_as_squares(X, size[0], 2), size[1], 3))


def _as_squares(x: NDArray[Any], size: int, axis: int) -> NDArray[Any]:
    """Linear interpolation between the centres of pixels."""
    positions = (np.arange(size) + 0.5) * x.shape[axis] / size - 0.5
    known = np.arange(x.shape[axis])
    return np.apply_along_axis(lambda line: np.interp(positions, known, line), axis, x)


def test_upsample_repeats(one_layer: Callable[..., Any]) -> None:
    y = one_layer("Upsample", "upsample_param { scale: 3 }", x=X)
    assert_close(y, X.repeat(3, 2).repeat(3, 3))


def test_upsample_by_no_whole_number_is_refused(one_layer: Callable[..., Any]) -> None:
    with pytest.raises(UnsupportedLayerError, match="whole number"):
        one_layer("Upsample", "upsample_param { upsample_h: 11 upsample_w: 14 }", x=X)


@pytest.mark.parametrize(
    "unpooling",
    [
        'type: "Upsample" upsample_param { scale: 2 upsample_h: 5 upsample_w: 7 }',
        'type: "Unpooling" unpooling_param { kernel_size: 2 stride: 2 unpool_h: 5 unpool_w: 7 }',
        'type: "MaxUnPool" max_unpool_param { dst_h: 5 dst_w: 7 }',
        'type: "UnPooling" unpooling_param { kernel_size: 2 unpool_size: 5 unpool_w: 7 }',
    ],
)
def test_unpooling_undoes_pooling(
    net_of: Callable[..., Net], run: Callable[..., Any], unpooling: str
) -> None:
    text = f"""
    layer {{ name: "p" type: "Pooling" bottom: "x" top: "p" top: "mask"
            pooling_param {{ kernel_size: 2 stride: 2 }} }}
    layer {{ name: "u" bottom: "p" bottom: "mask" top: "y" {unpooling} }}
    """
    model = lower(net_of(text, x=X.shape))
    assert model.outputs == {"y": ("batch", 3, 5, 7)}
    y = run(model, x=X)["y"]
    kept = y != 0
    assert_close(y[kept], X[kept])
    windows = np.pad(X, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=-np.inf)
    greatest = windows.reshape(2, 3, 3, 2, 4, 2).max((3, 5))
    assert sorted(y[kept]) == sorted(greatest.ravel())


def test_unpooling_without_indices_is_refused(one_layer: Callable[..., Any]) -> None:
    with pytest.raises(UnsupportedLayerError, match="without a mask"):
        one_layer("Unpooling", "unpooling_param { unpool: AVE unpool_size: 9 }", x=X)
    with pytest.raises(ShapeError, match="no size"):
        one_layer("Unpooling", x=X, mask=X)
    with pytest.raises(ShapeError, match="mask does not fit"):
        one_layer("Unpooling", "unpooling_param { unpool_size: 9 }", x=X, mask=X[:, :2])


@pytest.mark.parametrize("size", [(5, 7), (2, 3), (8, 20), (1, 1), (6, 7)])
def test_resize(one_layer: Callable[..., Any], size: tuple[int, int]) -> None:
    expected = np.zeros((2, 3, *size))
    for i, j in np.ndindex(*size):
        down, across = i * 5 / size[0], j * 7 / size[1]
        for row, column in np.ndindex(5, 7):
            weight = max(0, 1 - abs(down - row)) * max(0, 1 - abs(across - column))
            expected[:, :, i, j] += weight * X[:, :, row, column]
    y = one_layer("Resize", f"resize_param {{ height: {size[0]} width: {size[1]} }}", x=X)
    assert_close(y, expected)


def test_resize_by_scales(net_of: Callable[..., Net]) -> None:
    text = """layer { name: "l" type: "Resize" bottom: "x" top: "y" resize_param {
              is_pyramid_test: true out_height_scale: 1.5 out_width_scale: 0.5 } }"""
    assert lower(net_of(text, x=X.shape)).outputs == {"y": ("batch", 3, 7, 3)}
    with pytest.raises(ShapeError, match="no size"):
        lower(net_of(text.replace("is_pyramid_test: true", ""), x=X.shape))


def _by_ratio(x: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """upsample_layer.cpp of Wulingtian/yolov5_caffe, Forward_cpu_nearest."""
    y = np.zeros((*x.shape[:2], height, width), np.float32)
    for h, w in np.ndindex(height, width):
        y[:, :, h, w] = x[:, :, h * x.shape[2] // height, w * x.shape[3] // width]
    return y


def _aligned(x: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """util/interp.cpp of yangguorun/SegStereo, caffe_cpu_nninterp2."""
    y = np.zeros((*x.shape[:2], height, width), np.float32)
    steps = [
        np.float32(n - 1) / np.float32(m - 1)
        for n, m in zip(x.shape[2:], (height, width), strict=True)
    ]
    for h, w in np.ndindex(height, width):
        row, column = (int(np.floor(i * s + 0.5)) for i, s in zip((h, w), steps, strict=True))
        y[:, :, h, w] = x[:, :, row, column]
    return y


@pytest.mark.parametrize("size", [(10, 14), (15, 21), (7, 20), (3, 4), (5, 7)])
def test_upsample_by_its_mode(one_layer: Callable[..., Any], size: tuple[int, int]) -> None:
    fields = f"upsample_param {{ height: {size[0]} width: {size[1]} mode: %s }}"
    assert_close(one_layer("Upsample", fields % "NEAREST", x=X), _by_ratio(X, *size))
    y = one_layer("Upsample", fields % "BILINEAR", x=X)
    assert_close(y, _along(_along(X, size[0], 2), size[1], 3))


def test_upsample_by_scales_or_like_another(one_layer: Callable[..., Any]) -> None:
    fields = "upsample_param { height_scale: 3 width_scale: 2 mode: NEAREST }"
    assert_close(one_layer("Upsample", fields, x=X), X.repeat(3, 2).repeat(2, 3))
    like = np.zeros((2, 1, 8, 9))
    y = one_layer("Upsample", "upsample_param { mode: NEAREST }", x=X, like=like)
    assert_close(y, _by_ratio(X, 8, 9))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ("height_scale: 2 width_scale: 2", "does not say how it resizes"),
        ("height_scale: 2 mode: NEAREST", "no size"),
        ("height_scale: 2.3 width_scale: 2 mode: NEAREST", "whole sizes"),
        ("height_scale: 2 width_scale: 2 mode: NEAREST scale: 3", "two forks"),
        ("mode: NEAREST", "no size"),
    ],
)
def test_upsample_that_may_be_any(one_layer: Callable[..., Any], fields: str, problem: str) -> None:
    with pytest.raises((ShapeError, UnsupportedLayerError), match=problem):
        one_layer("Upsample", f"upsample_param {{ {fields} }}", x=X)


@pytest.mark.parametrize("size", [(10, 14), (15, 21), (7, 20), (3, 4), (5, 7)])
def test_interp_to_the_nearest_of_aligned_corners(
    one_layer: Callable[..., Any], size: tuple[int, int]
) -> None:
    fields = f"height: {size[0]} width: {size[1]} interp_type: 'nearest_neighbor'"
    y = one_layer("Interp", f"interp_param {{ {fields} }}", x=X)
    assert_close(y, _aligned(X, *size))


@pytest.mark.parametrize("size", [(10, 14), (5, 14), (5, 7)])
def test_interp_to_the_nearest_where_all_agree(
    one_layer: Callable[..., Any], size: tuple[int, int]
) -> None:
    fields = f"height: {size[0]} width: {size[1]} mode: NEAREST"
    y = one_layer("Interp", f"interp_param {{ {fields} }}", x=X)
    assert_close(y, _by_ratio(X, *size))
    assert_close(y, _aligned(X, *size))


@pytest.mark.parametrize("size", [(15, 14), (3, 7), (6, 7)])
def test_interp_to_a_nearest_that_may_be_any_of_two(
    one_layer: Callable[..., Any], size: tuple[int, int]
) -> None:
    fields = f"height: {size[0]} width: {size[1]} mode: NEAREST"
    with pytest.raises(UnsupportedLayerError, match="is ambiguous"):
        one_layer("Interp", f"interp_param {{ {fields} }}", x=X)


def test_interp_like_another(one_layer: Callable[..., Any]) -> None:
    like = np.zeros((1, 4, 9, 3))
    expected = _along(_along(X, 9, 2), 3, 3)
    assert_close(one_layer("Interp", x=X, like=like), expected)
    with pytest.raises(ShapeError, match="also determines the size"):
        one_layer("Interp", "interp_param { height: 9 width: 3 }", x=X, like=like)
    full = one_layer("Interp", "interp_param { full_zoom_factor: 2 }", x=X)
    assert_close(full, _along(_along(X, 10, 2), 14, 3))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ("interp_type: 'cubic'", "no such mode"),
        ("mode: LINEAR interp_type: 'bilinear'", "are both set"),
    ],
)
def test_interp_of_no_fork(one_layer: Callable[..., Any], fields: str, problem: str) -> None:
    with pytest.raises((ShapeError, UnsupportedLayerError), match=problem):
        one_layer("Interp", f"interp_param {{ zoom_factor: 2 {fields} }}", x=X)


def test_sizes_by_mode_are_fixed(net_of: Callable[..., Net]) -> None:
    text = """layer { name: "u" type: "Upsample" bottom: "x" top: "y"
              upsample_param { height_scale: 2 width_scale: 2 mode: NEAREST } }"""
    with pytest.raises(UnsupportedError, match="height and width cannot be open"):
        lower(net_of(text, x=X.shape), dynamic=True)


@pytest.mark.parametrize(
    ("fields", "factors"), [("scale: 3", (3, 3)), ("scale_h: 2 scale_w: 4", (2, 4)), ("", (2, 2))]
)
def test_upsample_of_any_size(
    net_of: Callable[..., Net], run: Callable[..., Any], fields: str, factors: tuple[int, int]
) -> None:
    text = f"""layer {{ name: "u" type: "Upsample" bottom: "x" top: "y"
               upsample_param {{ {fields} }} }}"""
    model = lower(net_of(text, x=X.shape), dynamic=True)
    for x in (X, X[:1, :, :2, :3]):
        assert_close(run(model, x=x)["y"], x.repeat(factors[0], 2).repeat(factors[1], 3))


@pytest.mark.parametrize(
    "layer",
    [
        'type: "Upsample" upsample_param { upsample_h: 10 upsample_w: 14 }',
        'type: "Resize" resize_param { height: 4 width: 4 }',
        'type: "SpatialTransformer" bottom: "theta"',
    ],
)
def test_what_is_written_for_one_size(net_of: Callable[..., Net], layer: str) -> None:
    text = f'layer {{ name: "l" bottom: "x" top: "y" {layer} }}'
    with pytest.raises(UnsupportedError, match="height and width cannot be open"):
        lower(net_of(text, x=X.shape, theta=(2, 6)), dynamic=True)
