"""The choice of layouts over the whole graph: what moves, where the first pass would move more."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import onnx
import pytest

from bridge.layout import Layout
from tests.helpers.keras_against_onnx import Array, graph, plan_of, raise_and_compare, seeded


def moved(model: onnx.ModelProto, feeds: dict[str, Array], **layouts: Layout) -> tuple[int, int]:
    """The bytes that one pass alone moves, and those of the choice, whose model is right."""
    with patch("bridge.raising.driver.MAX_PASSES", 1):
        alone = plan_of(model, layouts=layouts or None).bytes_moved
    return alone, raise_and_compare(model, feeds, layouts=layouts or None).plan.bytes_moved


def test_the_units_of_a_dense_come_as_the_convolution_behind_it_wants_them() -> None:
    text = """g (float[n,6] x) => (float[n,5,4,4] y) {
        a = Gemm<transB=1>(x, w, b)
        c = Reshape(a, s)
        y = Conv<kernel_shape=[3,3], pads=[1,1,1,1]>(c, k)
    }"""
    constants = {
        "w": seeded((48, 6)),
        "b": seeded((48,)),
        "s": np.array([0, 3, 4, 4], np.int64),
        "k": seeded((5, 3, 3, 3)),
    }
    assert moved(graph(text, constants), {"x": seeded((2, 6))}) == (4 * 48, 0)


def test_the_channels_of_a_convolution_come_as_groups_behind_a_shuffle_want_them() -> None:
    text = """g (float[n,3,4,4] x) => (float[n,6,4,4] y) {
        a = Conv<kernel_shape=[1,1]>(x, k)
        b = Reshape(a, s)
        c = Transpose<perm=[0,2,1,3,4]>(b)
        d = Reshape(c, t)
        y = Conv<kernel_shape=[1,1], group=2>(d, l)
    }"""
    constants = {
        "k": seeded((6, 3, 1, 1)),
        "s": np.array([0, 3, 2, 4, 4], np.int64),
        "t": np.array([0, 6, 4, 4], np.int64),
        "l": seeded((6, 3, 1, 1)),
    }
    assert moved(graph(text, constants), {"x": seeded((2, 3, 4, 4))}) == (4 * 96, 0)


def test_two_that_must_change_together_do() -> None:
    text = """g (float[n,6] x) => (float[n,5,4,4] y) {
        a = Gemm<transB=1>(x, w)
        b = Gemm<transB=1>(x, v)
        c = Add(a, b)
        d = Relu(c)
        e = Reshape(d, s)
        y = Conv<kernel_shape=[1,1]>(e, k)
    }"""
    constants = {
        "w": seeded((48, 6)),
        "v": seeded((48, 6), 1),
        "s": np.array([0, 3, 4, 4], np.int64),
        "k": seeded((5, 3, 1, 1)),
    }
    assert moved(graph(text, constants), {"x": seeded((2, 6))}) == (4 * 48, 0)


def test_a_copy_for_one_reader_serves_the_others_too() -> None:
    text = """g (float[n,3,4] x) => (float[n,3,2] y, int64[n,3,2] i, float[n,12] z) {
        y, i = TopK<axis=2>(x, k)
        a = Relu(x)
        b = Flatten(a)
        z = CumSum(b, axis)
    }"""
    constants = {"k": np.array([2], np.int64), "axis": np.array(1, np.int64)}
    order = Layout.ordered(("n", 3, 4), (0, 2, 1))
    feeds = {"x": seeded((2, 3, 4))}
    assert moved(graph(text, constants), feeds, x=order)[1] == 4 * 12


@pytest.mark.parametrize("order", [(0, 3, 2, 1), (0, 2, 3, 1)])
def test_windows_go_over_their_axes_in_the_order_that_these_have(order: tuple[int, ...]) -> None:
    text = """g (float[2,3,6,5] x) => (float[2,4,1,1] y) {
        a = Conv<kernel_shape=[3,2], strides=[1,2], pads=[0,1,1,0]>(x, k)
        b = Relu(a)
        c = AveragePool<kernel_shape=[2,1], strides=[2,2], pads=[0,0,0,0]>(b)
        y = GlobalAveragePool(c)
    }"""
    model = graph(text, {"k": seeded((4, 3, 3, 2))})
    feeds = {"x": seeded((2, 3, 6, 5))}
    assert moved(model, feeds, x=Layout.ordered((2, 3, 6, 5), order)) == (0, 0)
