"""Why a permutation cannot be avoided: who fixes the one order and who the other, and the way."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from bridge.layout import Layout
from bridge.raising.plan import Conflict
from tests.helpers.keras_against_onnx import graph, plan_of, seeded

CHANNELS_LAST = "n c h w -> n h w c"
PLAIN = "n c h w -> n c h w"


def test_an_output_that_a_convolution_cannot_give() -> None:
    text = "g (float[n,3,4,5] x) => (float[n,2,4,5] y) { a = Conv(x, k)  y = Relu(a) }"
    first, last = plan_of(graph(text, {"k": seeded((2, 3, 1, 1))}), "onnx").permutations
    assert first.conflict == Conflict(f"the input is given as {PLAIN}", (("x", CHANNELS_LAST),))
    end = f"node 'conv/0' (Conv) gives 'a' only as {CHANNELS_LAST}"
    assert last.conflict == Conflict(end, (("a", PLAIN), ("y", PLAIN)))


def test_groups_on_both_sides_of_a_shuffle() -> None:
    text = """g (float[n,4,2,2] x) => (float[n,4,2,2] y) {
        a = Conv<group=2>(x, k)
        b = Reshape(a, s)
        c = Transpose<perm=[0,2,1,3,4]>(b)
        d = Reshape(c, t)
        y = Conv<group=2>(d, k)
    }"""
    constants = {
        "k": seeded((4, 2, 1, 1)),
        "s": np.array([0, 2, 2, 2, 2], np.int64),
        "t": np.array([0, 4, 2, 2], np.int64),
    }
    (only,) = plan_of(graph(text, constants)).permutations
    assert only.conflict is not None
    assert only.conflict.reason == f"node 'conv/0' (Conv) gives 'a' only as {CHANNELS_LAST}"
    assert [name for name, _ in only.conflict.path] == ["a", "b", "c", "d"]


def test_another_reader_that_takes_no_other_order() -> None:
    """The units of the Dense could come in either order, but not in both."""
    text = """g (float[n,6] x) => (float[n,12] z, float[n,2,2,2] y) {
        a = Gemm<transB=1>(x, w)
        z = CumSum(a, axis)
        b = Reshape(a, s)
        y = Conv<kernel_shape=[1,1]>(b, k)
    }"""
    constants = {
        "w": seeded((12, 6)),
        "axis": np.array(1, np.int64),
        "s": np.array([0, 3, 2, 2], np.int64),
        "k": seeded((2, 3, 1, 1)),
    }
    (only,) = plan_of(graph(text, constants)).permutations
    assert only.conflict is not None
    assert only.conflict.reason.startswith("node 'z' (CumSum) takes 'a' only as")


def test_two_inputs_that_are_given_otherwise() -> None:
    text = "g (float[4,5,6] x, float[4,5,6] y) => (float[4,5,6] z) { z = Add(x, y) }"
    orders = {"x": Layout.ordered((4, 5, 6), (0, 2, 1)), "y": Layout.identity((4, 5, 6))}
    (only,) = plan_of(graph(text), layouts=orders).permutations
    assert only.conflict is not None
    assert only.conflict.reason.startswith("the input is given as")


def test_ways_that_part_and_meet_are_gone_once() -> None:
    """Each of forty pairs of ways would double what there is to ask."""
    count = 40
    names = [*(f"v{i}" for i in range(count)), "y"]
    steps = [
        f"a{i} = Relu({x})  b{i} = Sigmoid({x})  {y} = Add(a{i}, b{i})"
        for i, (x, y) in enumerate(pairwise(names))
    ]
    text = f"g (float[n,3,4,5] x) => (float[n,2,4,5] y) {{ v0 = Conv(x, k) {' '.join(steps)} }}"
    _, last = plan_of(graph(text, {"k": seeded((2, 3, 1, 1))}), "onnx").permutations
    assert last.conflict is not None
    assert last.conflict.reason == f"node 'conv/0' (Conv) gives 'v0' only as {CHANNELS_LAST}"
