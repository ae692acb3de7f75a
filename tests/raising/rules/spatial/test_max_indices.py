"""Values at indices of maxima."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from bridge.errors import UnsupportedOperatorError
from tests.helpers.keras_against_onnx import graph, plan_of, raise_and_compare, seeded
from tests.helpers.strategies.nodes import (
    MAX_ELEMENTS,
    Draw,
    NodeExample,
    Tensor,
    nodes_of,
    shapes,
    tensor,
)


@nodes_of("MaxUnpool", since=9)
@st.composite
def max_unpool(draw: Draw, operator: str) -> NodeExample:
    """Each index once: which of two values at one index counts, ONNX leaves open."""
    shape = draw(shapes(3, 5))
    kernel = [draw(st.integers(1, 3)) for _ in shape[2:]]
    strides = [draw(st.integers(1, width)) for width in kernel]
    sizes = [(n - 1) * s + k for n, s, k in zip(shape[2:], strides, kernel, strict=True)]
    total = prod(shape[:2]) * prod(sizes)
    assume(total <= 4 * MAX_ELEMENTS)
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    indices = generator.permutation(total)[: prod(shape)].reshape(shape).astype(np.int64)
    operands = (draw(tensor(shape)), Tensor(indices, {0: "batch"}))
    return NodeExample((operator,), operands, {"kernel_shape": kernel, "strides": strides})


# Examples


def test_maxima_go_back_to_where_they_were() -> None:
    text = """g (float[n,3,6,8] x) => (float[n,3,6,8] y) {
        best, at = MaxPool<kernel_shape=[2,2], strides=[2,2]>(x)
        y = MaxUnpool<kernel_shape=[2,2], strides=[2,2]>(best, at)
    }"""
    raised = raise_and_compare(graph(text), {"x": seeded((2, 3, 6, 8))})
    assert not any(call.target == "ops.transpose" for call in raised.plan.calls)


def test_another_size_than_that_of_the_windows_is_refused() -> None:
    text = """g (float[1,1,2,2] x, int64[1,1,2,2] at) => (float[1,1,5,5] y) {
        y = MaxUnpool<kernel_shape=[2,2], strides=[2,2]>(x, at, shape)
    }"""
    with pytest.raises(UnsupportedOperatorError, match="another output_shape"):
        plan_of(graph(text, {"shape": np.array([1, 1, 5, 5])}))
