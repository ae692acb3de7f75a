"""Transposed convolutions."""

from __future__ import annotations

from math import prod
from typing import Any

import pytest
from hypothesis import assume
from hypothesis import strategies as st

from tests.helpers.keras_against_onnx import graph, plan_of, raise_and_compare, seeded
from tests.helpers.strategies.nodes import (
    Draw,
    NodeExample,
    image,
    nodes_of,
    sizes,
    tensor,
    values,
    vector,
)


@nodes_of("ConvTranspose")
@st.composite
def conv_transpose(draw: Draw, operator: str) -> NodeExample:
    rank = draw(st.integers(1, 3))
    group, inner, outer = draw(
        st.one_of(
            st.tuples(st.just(1), sizes(4), sizes(4)),  # dense
            st.tuples(st.integers(2, 4), st.just(1), st.just(1)),  # depthwise
            st.tuples(st.integers(2, 3), st.integers(1, 3), st.integers(1, 3)),  # grouped
        )
    )
    axes = [draw(spreads()) for _ in range(rank)]
    size, kernel, stride, dilation, begin, end = zip(*axes, strict=True)
    depthwise = group > 1 and inner == outer == 1 and rank < 3
    shape = (draw(st.integers(1, 2)), group * inner, *size)
    assume(prod(shape) <= 600)
    spread_out = depthwise and max(stride) > 1  # needs known sizes
    x = draw(tensor(shape) if spread_out else image(shape))
    w = draw(values((group * inner, outer, *kernel)))
    b = draw(st.sampled_from([None, draw(vector(group * outer))]))
    attributes: dict[str, Any] = {"group": group, "pads": [*begin, *end]}
    attributes |= {"strides": list(stride), "dilations": list(dilation)}
    return NodeExample((operator,), (x, w) if b is None else (x, w, b), attributes)


@st.composite
def spreads(draw: Draw) -> tuple[int, int, int, int, int, int]:
    """Size, kernel, stride, dilation, and pads that leave something."""
    size, kernel, stride = draw(sizes(4)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    dilation = draw(st.sampled_from([1, 1, 2]))
    begin, end = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    assume(stride * (size - 1) + (kernel - 1) * dilation + 1 > begin + end)
    return size, kernel, stride, dilation, begin, end


# Examples


def test_a_transposed_convolution_is_one_layer() -> None:
    text = """g (float[n,3,4,4] x) => (float[n,2,8,8] y) {
        y = ConvTranspose<strides=[2,2], pads=[1,1,1,1]>(x, w, b)
    }"""
    model = graph(text, {"w": seeded((3, 2, 4, 4), 1), "b": seeded((2,), 2)})
    raised = raise_and_compare(model, {"x": seeded((2, 3, 4, 4))})
    assert raised.plan.permutations == ()
    assert raised.model.count_params() == 3 * 2 * 4 * 4 + 2


@pytest.mark.parametrize(
    "attributes",
    [
        'auto_pad="SAME_UPPER"',
        'auto_pad="SAME_LOWER", strides=[2,2]',
        'auto_pad="SAME_UPPER", strides=[2,3], kernel_shape=[3,4]',
        "output_shape=[9,12], strides=[2,2]",
        'output_shape=[9,12], strides=[2,2], auto_pad="SAME_UPPER"',
        "output_shape=[12,13], strides=[2,2]",
        "output_padding=[2,1], strides=[4,4]",
        'auto_pad="VALID", strides=[2,2]',
    ],
)
@pytest.mark.parametrize("group", [1, 2])
def test_sizes_of_the_result_that_are_asked_for(attributes: str, group: int) -> None:
    kernel = (3, 4) if "kernel_shape" in attributes else (3, 3)
    text = f"""g (float[1,2,5,6] x) => (y) {{
        y = ConvTranspose<{attributes}, group={group}>(x, w, b)
    }}"""
    constants = {"w": seeded((2, 2, *kernel)), "b": seeded((2 * group,), 1)}
    raise_and_compare(graph(text, constants, opset=17), {"x": seeded((1, 2, 5, 6))})


def test_zeros_between_the_pixels_of_an_image_are_a_pad_of_five_axes() -> None:
    """The most that LiteRT pads by itself."""
    text = """g (float[N,3,4,5] x) => (float[N,3,8,10] y) {
        y = ConvTranspose<strides=[2,2], pads=[1,1,1,1], group=3>(x, w)
    }"""
    plan = plan_of(graph(text, {"w": seeded((3, 1, 4, 4))}))
    (pad,) = [call for call in plan.calls if call.target == "ops.pad"]
    assert len(pad.options["pad_width"]) == 5
