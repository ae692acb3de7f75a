"""Pooling."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from bridge.errors import UnsupportedOperatorError
from bridge.layout import Layout
from tests.helpers.keras_against_onnx import graph, plan_of, raise_and_compare, seeded
from tests.helpers.strategies.nodes import (
    MAX_ELEMENTS,
    Draw,
    NodeExample,
    Tensor,
    image,
    nodes_of,
    shapes,
)
from tests.helpers.strategies.windows import windows


@st.composite
def pooled(draw: Draw, rank: int, dilated: bool = False) -> tuple[Tensor, dict[str, Any]]:
    window = draw(windows(rank, dilated, pooling=True))
    lead = draw(shapes(2, 2))
    assume(prod(lead + window.sizes) <= MAX_ELEMENTS)
    return draw(image(lead + window.sizes)), dict(window.attributes)


@nodes_of("MaxPool")
@st.composite
def max_pool(draw: Draw, operator: str) -> NodeExample:
    outputs = draw(st.sampled_from([1, 1, 2]))
    x, attributes = draw(pooled(draw(st.integers(1, 3)), dilated=draw(st.booleans())))
    if not attributes.keys() & {"auto_pad", "dilations"}:
        attributes["ceil_mode"] = draw(st.integers(0, 1))
    if outputs == 2:
        attributes["storage_order"] = draw(st.integers(0, 1))
    return NodeExample((operator,), (x,), attributes, outputs)


@nodes_of("AveragePool")
@st.composite
def average_pool(draw: Draw, operator: str) -> NodeExample:
    x, attributes = draw(pooled(draw(st.integers(1, 3)), dilated=draw(st.booleans())))
    options: list[dict[str, Any]] = [{}, {"count_include_pad": 1}]
    if "auto_pad" not in attributes:
        options += [{"ceil_mode": 1}, {"ceil_mode": 1, "count_include_pad": 1}]
    attributes |= draw(st.sampled_from(options))
    return NodeExample((operator,), (x,), attributes, opset=22)


@nodes_of("LpPool")
@st.composite
def lp_pool(draw: Draw, operator: str) -> NodeExample:
    x, attributes = draw(pooled(draw(st.integers(1, 3)), dilated=draw(st.booleans())))
    if "auto_pad" not in attributes:
        attributes["ceil_mode"] = draw(st.integers(0, 1))
    attributes["p"] = draw(st.sampled_from([1, 2, 3]))
    return NodeExample((operator,), (x,), attributes, opset=22)


@nodes_of("GlobalLpPool", since=2)
@st.composite
def global_lp_pool(draw: Draw, operator: str) -> NodeExample:
    x = draw(image(draw(shapes(3, 5))))
    return NodeExample((operator,), (x,), {"p": draw(st.sampled_from([1, 2, 3]))})


@nodes_of("GlobalMaxPool", "GlobalAveragePool")
@st.composite
def global_pool(draw: Draw, operator: str) -> NodeExample:
    return NodeExample((operator,), (draw(image(draw(shapes(3, 5)))),))


# Examples


@pytest.mark.parametrize(
    "attributes",
    [
        "kernel_shape=[2,2], dilations=[3,3]",
        "kernel_shape=[3,2], dilations=[1,4], strides=[2,1]",
        "kernel_shape=[3,3], dilations=[2,3], strides=[2,3], pads=[2,1,0,2]",
    ],
)
@pytest.mark.parametrize("before", ["Neg", "Relu"])
def test_windows_of_a_dilation(attributes: str, before: str) -> None:
    text = f"""g (float[n,3,8,9] x) => (float[n,3,h,w] y) {{
        a = {before}(x)  y = MaxPool<{attributes}>(a)
    }}"""
    raised = raise_and_compare(graph(text), {"x": seeded((2, 3, 8, 9))})
    assert not any(call.target == "ops.transpose" for call in raised.plan.calls)


@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
def test_windows_of_a_dilation_over_free_sizes(operator: str) -> None:
    text = f"""g (float[n,2,h,w] x) => (float[n,2,k,l] y) {{
        y = {operator}<kernel_shape=[2,3], dilations=[2,1], strides=[2,3]>(x)
    }}"""
    raise_and_compare(graph(text, opset=22), {"x": seeded((2, 2, 8, 11))})


def test_an_average_at_borders_that_are_free_is_refused() -> None:
    text = """g (float[1,1,h,8] x) => (float[1,1,k,l] y) {
        y = AveragePool<kernel_shape=[2,2], dilations=[2,2], pads=[1,1,1,1]>(x)
    }"""
    with pytest.raises(UnsupportedOperatorError, match="of unknown size"):
        plan_of(graph(text, opset=19))


@pytest.mark.parametrize("opset", [11, 17, 22])
@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize(
    "attributes",
    [
        "kernel_shape=[3,3], strides=[3,3], pads=[1,1,1,1]",
        "kernel_shape=[3,3], strides=[3,2], pads=[1,0,1,0]",
        "kernel_shape=[1,2], strides=[3,5], pads=[0,1,0,1]",
    ],
)
def test_a_window_that_would_begin_in_the_padding(
    operator: str, opset: int, attributes: str
) -> None:
    """ONNX's inference counts it up to opset 21, onnxruntime does not."""
    text = f"""g (float[n,2,8,8] x) => (float[n,2,h,w] y) {{
        a = {operator}<{attributes}, ceil_mode=1>(x)  y = Relu(a)
    }}"""
    raise_and_compare(graph(text, opset=opset), {"x": seeded((2, 2, 8, 8))})


def test_a_window_of_padding_alone_where_padding_counts() -> None:
    """Without it rounding up is rounding down, on which runtimes agree."""
    text = """g (float[1,1,8,8] x) => (float[1,1,h,w] y) {
        y = AveragePool<kernel_shape=[3,3], strides=[3,3], pads=[1,1,1,1], ceil_mode=1,
                        count_include_pad=1>(x)
    }"""
    raise_and_compare(graph(text), {"x": seeded((1, 1, 8, 8))})


def test_indices_of_maxima_where_the_batch_is_shuffled() -> None:
    text = """g (float[8,1,1,1] x) => (float[8,1,1,1] y, int64[8,1,1,1] indices) {
        y, indices = MaxPool<kernel_shape=[1,1]>(x)
    }"""
    shuffled = Layout(((2, 2, 2), (1,), (1,), (1,)), ((0, 2, 1), (3,), (4,), (5,)))
    raise_and_compare(graph(text), {"x": seeded((8, 1, 1, 1))}, layouts={"x": shuffled})


@pytest.mark.parametrize("pads", ["[1,1,1,1]", "[0,1,1,0]"])
def test_padding_is_below_every_maximum(pads: str) -> None:
    text = f"""g (float[n,3,6,7] x) => (float[n,3,h,w] y) {{
        y = MaxPool<kernel_shape=[3,3], pads={pads}>(x)
    }}"""
    raise_and_compare(graph(text), {"x": -1 - np.abs(seeded((2, 3, 6, 7)))})


@pytest.mark.parametrize("counted", [0, 1])
def test_padding_counts_in_an_average_where_the_graph_says_so(counted: int) -> None:
    text = f"""g (float[n,3,6,7] x) => (float[n,3,6,7] y) {{
        y = AveragePool<kernel_shape=[3,3], pads=[1,1,1,1], count_include_pad={counted}>(x)
    }}"""
    raise_and_compare(graph(text), {"x": seeded((2, 3, 6, 7))})
