"""Pooling against Caffe's own loops, written out in numpy (pooling_layer.cpp: Forward_cpu)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge.caffe import Net
from bridge.errors import ShapeError, UnsupportedError, UnsupportedLayerError
from bridge.lower import lower
from bridge.lower.rules.spatial.pool import Axis
from tests.helpers.golden_cases import assert_close

LOWEST = np.finfo(np.float32).min
Sizes = tuple[int, int]


def _count(size: int, kernel: int, stride: int, pad: int, padded: bool) -> int:
    count = -(-(size + 2 * pad - kernel) // stride) + 1
    return count - 1 if padded and (count - 1) * stride >= size + pad else count


def caffe_pool(
    x: NDArray[np.float32],
    pool: str,
    kernel: Sizes,
    stride: Sizes,
    pad: Sizes,
    with_padding: bool = True,
) -> NDArray[np.float32]:
    """`with_padding` is Intel's and MNN's avg_include_pad (mkldnn_pooling_layer.cpp)."""
    counts = [
        _count(*axis, any(pad)) for axis in zip(x.shape[2:], kernel, stride, pad, strict=True)
    ]
    y = np.empty((*x.shape[:2], *counts), np.float32)
    for index in product(*map(range, counts)):
        axes = list(zip(index, x.shape[2:], kernel, stride, pad, strict=True))
        starts = [at * s - p for at, _, _, s, p in axes]
        ends = [
            min(start + k, size + p) for start, (_, size, k, _, p) in zip(starts, axes, strict=True)
        ]
        area = (ends[0] - starts[0]) * (ends[1] - starts[1])
        rows, columns = (slice(max(a, 0), max(b, 0)) for a, b in zip(starts, ends, strict=True))
        window = x[:, :, rows, columns]
        if pool == "MAX":
            y[(..., *index)] = window.max((2, 3), initial=LOWEST)
        else:
            divisor = area if with_padding else window.shape[2] * window.shape[3]
            y[(..., *index)] = window.sum((2, 3)) / divisor
    return y


def dilated_pool(
    x: NDArray[np.float32], pool: str, kernel: int, stride: int, pad: int, dilation: int
) -> NDArray[np.float32]:
    """naibaf7's (pooling_nd_layer.cpp, libdnn_pool.cpp): an element at a time, those on the padding
    in an average's divisor, those behind it not."""
    count = _count(x.shape[2], dilation * (kernel - 1) + 1, stride, pad, padded=pad > 0)
    y = np.full((*x.shape[:2], count, count), LOWEST if pool == "MAX" else 0, np.float32)
    size = x.shape[2]
    for at in product(range(count), repeat=2):
        inside = 0
        for offset in product(range(kernel), repeat=2):
            h, w = (a * stride - pad + o * dilation for a, o in zip(at, offset, strict=True))
            inside += max(h, w) < size + pad
            if min(h, w) >= 0 and max(h, w) < size:
                old, new = y[(..., *at)], x[:, :, h, w]
                y[(..., *at)] = np.maximum(old, new) if pool == "MAX" else old + new
        if pool == "AVE":
            y[(..., *at)] /= inside
    return y


@st.composite
def windows(draw: st.DrawFn) -> tuple[Sizes, Sizes, Sizes, Sizes]:
    def axis() -> tuple[int, int, int, int]:
        kernel = draw(st.integers(1, 4))
        pad = draw(st.integers(0, kernel - 1))
        size = draw(st.integers(max(1, kernel - 2 * pad), 8))
        # A window that lies outside altogether has tests of its own.
        return size, kernel, draw(st.integers(1, kernel)), pad

    size, kernel, stride, pad = zip(axis(), axis(), strict=True)
    return size, kernel, stride, pad


@pytest.mark.parametrize("pool", ["MAX", "AVE"])
@given(window=windows())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_window(
    one_layer: Callable[..., Any], pool: str, window: tuple[Sizes, Sizes, Sizes, Sizes]
) -> None:
    size, kernel, stride, pad = window
    x = np.random.default_rng(sum(size)).standard_normal((2, 2, *size)).astype(np.float32)
    text = f"pool: {pool} " + " ".join(
        f"{name}_h: {h} {name}_w: {w}"
        for name, (h, w) in (("kernel", kernel), ("stride", stride), ("pad", pad))
    )
    y = one_layer("Pooling", f"pooling_param {{ {text} }}", x=x)
    assert_close(y, caffe_pool(x, pool, kernel, stride, pad))


def test_a_window_outside_the_map(one_layer: Callable[..., Any]) -> None:
    x = np.ones((1, 1, 4, 4), np.float32)
    highest = one_layer("Pooling", "pooling_param { kernel_size: 1 stride: 3 }", x=x[..., :3])
    assert highest.tolist() == [[[[1, LOWEST]] * 2]]
    mean = one_layer("Pooling", "pooling_param { pool: AVE kernel_size: 1 stride: 2 }", x=x)
    assert np.isnan(mean[0, 0]).tolist() == [[False, False, True]] * 2 + [[True] * 3]
    # One index further Caffe divides by less than none.
    further = one_layer("Pooling", "pooling_param { pool: AVE kernel_size: 1 stride: 5 }", x=x)
    assert further.tolist() == [[[[1, 0], [0, 0]]]]


def test_forks_may_round_down(one_layer: Callable[..., Any]) -> None:
    x = np.ones((1, 1, 6, 6), np.float32)
    text = "pooling_param { kernel_size: 3 stride: 2 ceil_mode: false }"
    assert one_layer("Pooling", text, x=x).shape == (1, 1, 2, 2)


@pytest.mark.parametrize("pool", ["MAX", "AVE"])
@pytest.mark.parametrize(
    ("kernel", "stride", "pad", "dilation"),
    [(2, 1, 0, 4), (2, 2, 1, 2), (3, 2, 2, 2), (2, 3, 1, 3), (3, 2, 0, 1)],
)
def test_windows_of_a_dilation(
    one_layer: Callable[..., Any], pool: str, kernel: int, stride: int, pad: int, dilation: int
) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 8, 8)).astype(np.float32)
    sizes = f"kernel_size: {kernel} stride: {stride} pad: {pad} dilation: {dilation}"
    y = one_layer("Pooling", f"pooling_param {{ pool: {pool} {sizes} }}", x=x)
    assert_close(y, dilated_pool(x, pool, kernel, stride, pad, dilation))


@pytest.mark.parametrize("pool", ["MAX", "AVE"])
def test_sizes_for_each_axis(one_layer: Callable[..., Any], pool: str) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 7, 8)).astype(np.float32)
    text = "kernel_size: 3 kernel_size: 2 stride: 1 stride: 2 pad: 1 pad: 0"
    y = one_layer("Pooling", f"pooling_param {{ pool: {pool} {text} }}", x=x)
    assert_close(y, caffe_pool(x, pool, (3, 2), (1, 2), (1, 0)))


def test_each_of_those_axes_drops_windows_by_itself(one_layer: Callable[..., Any]) -> None:
    """pooling_nd_layer.cpp of naibaf7's fork; BVLC's drops on both where one is padded."""
    x = np.ones((1, 1, 6, 3), np.float32)
    text = "kernel_size: 2 kernel_size: 1 pad: 1 pad: 0 stride: 3 stride: 3"
    assert one_layer("Pooling", f"pooling_param {{ {text} }}", x=x).shape == (1, 1, 3, 2)
    text = "kernel_h: 2 kernel_w: 1 pad_h: 1 pad_w: 0 stride: 3"
    assert one_layer("Pooling", f"pooling_param {{ {text} }}", x=x).shape == (1, 1, 3, 1)


@pytest.mark.parametrize("size", [6, 7])
def test_an_average_may_be_of_the_map_alone(one_layer: Callable[..., Any], size: int) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, size, size)).astype(np.float32)
    text = "pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 avg_include_pad: false }"
    expected = caffe_pool(x, "AVE", (3, 3), (2, 2), (1, 1), with_padding=False)
    assert_close(one_layer("Pooling", text, x=x), expected)


@pytest.mark.parametrize("text", ["torch_pooling: true", "round_mode: FLOOR ceil_mode: false"])
def test_there_are_more_words_for_rounding_down(one_layer: Callable[..., Any], text: str) -> None:
    x = np.random.default_rng(0).standard_normal((1, 2, 8, 8)).astype(np.float32)
    y = one_layer("Pooling", f"pooling_param {{ kernel_size: 3 stride: 2 {text} }}", x=x)
    assert_close(y, caffe_pool(x[..., :7, :7], "MAX", (3, 3), (2, 2), (0, 0)))


def test_rounding_both_ways_is_refused(one_layer: Callable[..., Any]) -> None:
    text = "pooling_param { kernel_size: 2 round_mode: CEIL torch_pooling: true }"
    with pytest.raises(ShapeError, match="round both up and down"):
        one_layer("Pooling", text, x=np.ones((1, 1, 4, 4)))


@pytest.mark.parametrize("text", ["dilation: 2", "pad: 1 stride: 1 avg_include_pad: false"])
def test_what_is_written_for_one_size(net_of: Callable[..., Net], text: str) -> None:
    settings = f"pooling_param {{ pool: AVE kernel_size: 3 round_mode: FLOOR {text} }}"
    layer = f'layer {{ name: "p" type: "Pooling" bottom: "x" top: "y" {settings} }}'
    net = net_of(layer, x=(1, 1, 9, 9))
    with pytest.raises(UnsupportedError, match="written for one size"):
        lower(net, dynamic=True)


DOWN = "kernel_h: 3 stride_h: 2 pad_h: 0"


@pytest.mark.parametrize(
    ("window", "pads", "rounds_up"),
    [
        ("kernel_size: 3 stride: 2", [0, 0, 0, 0], True),
        ("kernel_size: 3 stride: 2 pad: 1", [1, 1, 1, 1], True),
        ("kernel_size: 3 pad: 1", [1, 1, 1, 1], False),
        # Caffe drops the last window across, not down; PyTorch takes no pads of two of three.
        (f"{DOWN} kernel_w: 2 stride_w: 4 pad_w: 1", [0, 1, 1, 0], False),
        ("kernel_size: 3 stride: 2 pad: 2", [2, 2, 1, 1], False),
    ],
)
@pytest.mark.parametrize("pool", ["MAX", "AVE"])
def test_pads_are_the_same_on_both_sides_where_they_can_be(
    net_of: Callable[..., Net], pool: str, window: str, pads: list[int], rounds_up: bool
) -> None:
    settings = f"pooling_param {{ pool: {pool} {window} }}"
    text = f'layer {{ name: "p" type: "Pooling" bottom: "x" top: "y" {settings} }}'
    first, *others = lower(net_of(text, x=(1, 2, 6, 6))).proto.graph.node
    if pool == "MAX" and pads[:2] not in ([0, 0], pads[2:]):  # these are a Pad before it
        assert first.op_type == "Pad"
        (first,), pads = others, [0, 0, 0, 0]
    attributes = {a.name: list(a.ints) or a.i for a in first.attribute}
    assert attributes["pads"] == pads
    assert attributes.get("ceil_mode", 0) == rounds_up
    assert not attributes.keys() & {"count_include_pad", "auto_pad"}


@pytest.mark.parametrize("more", ["kernel_size: 2", "global_pooling: true"])
def test_pooling_at_random_is_refused(one_layer: Callable[..., Any], more: str) -> None:
    with pytest.raises(UnsupportedLayerError, match="STOCHASTIC"):
        one_layer(
            "Pooling", f"pooling_param {{ pool: STOCHASTIC {more} }}", x=np.ones((1, 1, 4, 4))
        )


def test_the_mask_of_a_whole_map(net_of: Callable[..., Net], run: Callable[..., Any]) -> None:
    text = """layer { name: "p" type: "Pooling" bottom: "x" top: "y" top: "mask"
              pooling_param { global_pooling: true } }"""
    x = np.random.default_rng(0).permutation(24).reshape(1, 2, 3, 4)
    results = run(lower(net_of(text, x=x.shape)), x=x)
    assert results["mask"].ravel().tolist() == x.reshape(2, 12).argmax(1).tolist()


@pytest.mark.parametrize("size", [3, 7, 8])
@pytest.mark.parametrize("bins", [1, 2, 4])
def test_pyramid_axes_cover_the_map(size: int, bins: int) -> None:
    axis = Axis.of_bins(size, bins)
    assert axis.count * axis.kernel >= size
    assert not axis.needs_more_than_pads or size < bins
