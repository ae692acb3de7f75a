"""FlowNet's layers against loops over positions and displacements."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, floor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.caffe import Net
from bridge.errors import ShapeError, UnsupportedLayerError
from bridge.lower import lower
from tests.helpers.golden_cases import assert_close

Array = NDArray[np.float64]
rng = np.random.default_rng(0)


def correlated(
    x: Array,
    y: Array,
    moves: list[tuple[int, int]],
    *,
    kernel: int,
    stride: int,
    reach: tuple[int, int],
    pad: tuple[int, int],
    subtract: bool,
) -> Array:
    """For each displacement (down, across) the mean over windows, whose corners keep `reach` off
    the padded map's border."""
    x, y = (np.pad(v, [(0, 0), (0, 0), (pad[0],) * 2, (pad[1],) * 2]) for v in (x, y))
    radius = kernel // 2
    free = [x.shape[2 + i] - 2 * (reach[i] + radius) for i in range(2)]
    sizes = [ceil(size / stride) for size in free]
    out = np.zeros((len(x), len(moves), *sizes))
    for image, move, i, j in np.ndindex(*out.shape):
        top, left = reach[0] + i * stride, reach[1] + j * stride
        down, across = moves[move]
        a = x[image, :, top : top + kernel, left : left + kernel]
        rows = slice(top + down, top + down + kernel)
        b = y[image, :, rows, left + across : left + across + kernel]
        out[image, move, i, j] = np.mean(abs(a - b) if subtract else a * b)
    return out


@pytest.mark.parametrize(
    ("kernel", "reach", "stride", "step", "pad", "subtract"),
    [
        (1, 2, 1, 1, 2, False),
        (1, 3, 1, 2, 3, False),
        (3, 2, 1, 1, 3, False),
        (3, 3, 2, 2, 4, False),
        (1, 2, 2, 1, 2, True),
        (1, 0, 1, 1, 0, False),
        (3, 2, 1, 2, 2, True),
    ],
)
def test_correlation(
    one_layer: Callable[..., Any],
    kernel: int,
    reach: int,
    stride: int,
    step: int,
    pad: int,
    subtract: bool,
) -> None:
    x, y = rng.standard_normal((2, 2, 3, 7, 10))
    settings = f"""kernel_size: {kernel} max_displacement: {reach} stride_1: {stride}
        stride_2: {step} pad: {pad} {"correlation_type: SUBTRACT" if subtract else ""}"""
    once = range(-(reach // step) * step, reach + 1, step)
    how: dict[str, Any] = {"kernel": kernel, "stride": stride, "subtract": subtract}

    result = one_layer("Correlation", f"correlation_param {{ {settings} }}", x=x, other=y)
    moves = [(down, across) for down in once for across in once]
    expected = correlated(x, y, moves, reach=(reach, reach), pad=(pad, pad), **how)
    assert_close(result, expected)

    result = one_layer("Correlation1D", f"correlation_param {{ {settings} }}", x=x, other=y)
    moves = [(0, across) for across in once]
    assert_close(result, correlated(x, y, moves, reach=(0, reach), pad=(0, pad), **how))

    settings += " single_direction: 1"
    result = one_layer("Correlation1D", f"correlation_param {{ {settings} }}", x=x, other=y)
    moves = [move for move in moves if move[1] >= 0]
    assert_close(result, correlated(x, y, moves, reach=(0, reach), pad=(0, pad), **how))


@pytest.mark.parametrize(
    ("type_", "settings"),
    [
        ("Correlation", "do_abs: true"),
        ("Correlation", "single_direction: 1"),
        ("Correlation1D", "single_direction: -1"),
    ],
)
def test_what_a_correlation_does_unsoundly(
    one_layer: Callable[..., Any], type_: str, settings: str
) -> None:
    x = np.zeros((1, 1, 5, 5))
    text = f"correlation_param {{ kernel_size: 1 max_displacement: 1 pad: 1 {settings} }}"
    with pytest.raises(UnsupportedLayerError, match="does this wrongly"):
        one_layer(type_, text, x=x, other=x)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("kernel_size: 1", "missing"),
        ("kernel_size: 2 max_displacement: 1", "odd"),
        ("kernel_size: 1 max_displacement: 1 stride_2: 0", "positive"),
        ("kernel_size: 1 max_displacement: 3", "larger than its padded input"),
    ],
)
def test_settings_of_a_correlation(
    one_layer: Callable[..., Any], settings: str, problem: str
) -> None:
    x = np.zeros((1, 1, 5, 5))
    with pytest.raises(ShapeError, match=problem):
        one_layer("Correlation", f"correlation_param {{ {settings} }}", x=x, other=x)


def warped(x: Array, flow: Array, fill: float) -> Array:
    count, _, height, width = x.shape
    out = np.full(x.shape, fill, np.float64)
    for n, i, j in np.ndindex(count, height, width):
        across, down = j + flow[n, 0, i, j], i + flow[n, 1, i, j]
        if 0 <= across < width and 0 <= down < height:
            left, top = floor(across), floor(down)
            right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
            a, b = across - left, down - top
            upper = (1 - a) * x[n, :, top, left] + a * x[n, :, top, right]
            lower_ = (1 - a) * x[n, :, bottom, left] + a * x[n, :, bottom, right]
            out[n, :, i, j] = (1 - b) * upper + b * lower_
    return out


@pytest.mark.parametrize("fill", ["ZERO", "NOT_A_NUMBER"])
@pytest.mark.parametrize("size", [(5, 7), (1, 4), (4, 1)])
def test_flow_warp(one_layer: Callable[..., Any], size: tuple[int, int], fill: str) -> None:
    x = rng.standard_normal((2, 3, *size))
    # Multiples of 1/4 are, to the bit, on pixels, on the last one, and up to one behind it.
    flow = rng.integers(-20, 21, (2, 2, *size)) / 4
    result = one_layer("FlowWarp", f"flow_warp_param {{ fill_value: {fill} }}", x=x, flow=flow)
    expected = warped(x, flow, 0 if fill == "ZERO" else np.nan)
    assert (np.isnan(result) == np.isnan(expected)).all()
    assert_close(np.nan_to_num(result), np.nan_to_num(expected))


def test_flow_warp_at_the_edge(one_layer: Callable[..., Any]) -> None:
    x = np.arange(4.0).reshape(1, 1, 1, 4)
    flow = np.zeros((1, 2, 1, 4))
    flow[0, 0, 0] = [-1e-3, 2.5, 1.999, 0]
    assert_close(one_layer("FlowWarp", x=x, flow=flow).ravel(), [0, 3, 3, 3])


def test_channel_norm(one_layer: Callable[..., Any]) -> None:
    x = rng.standard_normal((2, 3, 4, 5))
    assert_close(one_layer("ChannelNorm", x=x), np.linalg.norm(x, axis=1, keepdims=True))


def _triangle(d: float) -> float:
    return max(0.0, 1 - d)


def _cubic(d: float) -> float:
    if d <= 1:
        return 1.5 * d**3 - 2.5 * d**2 + 1
    return -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2 if d < 2 else 0.0


def resampled(x: Array, size: tuple[int, int], bend: Callable[[float], float], smooth: bool) -> Any:
    """The layer centres x by the scale of y, and y by that of x."""
    count, channels, height, width = x.shape
    fx, fy = width / size[1], height / size[0]
    smooth = smooth and (fx > 1 or fy > 1)
    ax, ay = (1 / fx, 1 / fy) if smooth else (1.0, 1.0)
    out = np.zeros((count, channels, *size))
    for i, j in np.ndindex(*size):
        across, down = j * fx + fy / 2 - 0.5, i * fy + fx / 2 - 0.5
        total = 0.0
        for row, column in np.ndindex(height, width):
            weight = bend(ax * abs(across - column)) * bend(ay * abs(down - row))
            out[:, :, i, j] += weight * x[:, :, row, column]
            total += weight
        out[:, :, i, j] = out[:, :, i, j] / total if total else 0
    return out


@pytest.mark.parametrize("kind", ["LINEAR", "CUBIC"])
@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("size", [(3, 4), (12, 16), (6, 8), (4, 9), (12, 4), (1, 1)])
def test_resample(
    one_layer: Callable[..., Any], kind: str, smooth: bool, size: tuple[int, int]
) -> None:
    x = rng.standard_normal((2, 2, 6, 8))
    text = f"""resample_param {{ height: {size[0]} width: {size[1]} type: {kind}
        antialias: {str(smooth).lower()} }}"""
    expected = resampled(x, size, _triangle if kind == "LINEAR" else _cubic, smooth)
    assert_close(one_layer("Resample", text, x=x), expected)


def test_resample_like_another(one_layer: Callable[..., Any]) -> None:
    x, like = rng.standard_normal((1, 2, 4, 6)), np.zeros((1, 1, 8, 9))
    result = one_layer("Resample", x=x, like=like)
    assert_close(result, resampled(x, (8, 9), _triangle, smooth=True))


@pytest.mark.parametrize("size", [(2, 3), (8, 12), (4, 6)])
def test_resample_to_the_nearest(one_layer: Callable[..., Any], size: tuple[int, int]) -> None:
    x = rng.standard_normal((1, 2, 4, 6))
    scale = 4 / size[0]
    positions = [[floor(i * scale + scale / 2) for i in range(count)] for count in size]
    text = f"resample_param {{ height: {size[0]} width: {size[1]} type: NEAREST }}"
    assert_close(one_layer("Resample", text, x=x), x[:, :, positions[0]][..., positions[1]])


@pytest.mark.parametrize("factor", [1, 2, 3, 5])
def test_resample_by_a_factor(one_layer: Callable[..., Any], factor: int) -> None:
    x = rng.standard_normal((1, 2, 4, 6))
    text = f"resample_param {{ factor: {factor} type: NEAREST antialias: false }}"
    assert_close(one_layer("Resample", text, x=x), x.repeat(factor, 2).repeat(factor, 3))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("factor: 2 type: LINEAR", "implementations differ"),
        ("factor: 1.5 type: NEAREST", "implementations differ"),
        ("factor: 1.3 type: NEAREST", "whole sizes"),
        ("factor: 2 type: NEAREST height: 8 width: 8", "another size"),
    ],
)
def test_a_factor_that_may_be_any(
    one_layer: Callable[..., Any], settings: str, problem: str
) -> None:
    with pytest.raises((ShapeError, UnsupportedLayerError), match=problem):
        one_layer("Resample", f"resample_param {{ {settings} }}", x=np.zeros((1, 1, 4, 6)))


def test_what_resample_does_unsoundly(one_layer: Callable[..., Any]) -> None:
    x = np.zeros((1, 1, 2, 9))
    with pytest.raises(UnsupportedLayerError, match="outside the map"):
        one_layer("Resample", "resample_param { height: 2 width: 1 type: NEAREST }", x=x)
    with pytest.raises(UnsupportedLayerError, match="no type AREA"):
        one_layer("Resample", "resample_param { height: 2 width: 3 type: AREA }", x=x)
    with pytest.raises(ShapeError, match="no size"):
        one_layer("Resample", "resample_param { height: 2 }", x=x)


def test_the_batch_is_free(net_of: Callable[..., Net], run: Callable[..., Any]) -> None:
    text = """
        layer { name: "c" type: "Correlation" bottom: "x" bottom: "y" top: "c"
          correlation_param { kernel_size: 1 max_displacement: 1 pad: 1 } }
        layer { name: "r" type: "Resample" bottom: "flow" top: "r"
          resample_param { height: 4 width: 5 } }
        layer { name: "w" type: "FlowWarp" bottom: "y" bottom: "r" top: "w" }
        layer { name: "n" type: "ChannelNorm" bottom: "w" top: "n" }"""
    shapes = {"x": (1, 3, 4, 5), "y": (1, 3, 4, 5), "flow": (1, 2, 2, 3)}
    model = lower(net_of(text, **shapes))
    assert {shape[0] for shape in model.inputs.values()} == {"batch"}
    feeds = {name: rng.standard_normal((3, *shape[1:])) for name, shape in shapes.items()}
    results = run(model, **feeds)
    for i in range(3):
        alone = run(model, **{name: x[i : i + 1] for name, x in feeds.items()})
        for name, value in alone.items():
            assert_close(results[name][i : i + 1], value)
