"""Convolutions."""

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
    image,
    nodes_of,
    sizes,
    values,
    vector,
)
from tests.helpers.strategies.windows import windows


@nodes_of("Conv")
@st.composite
def conv(draw: Draw, operator: str) -> NodeExample:
    rank = draw(st.integers(1, 3))
    window = draw(windows(rank, dilated=True, pooling=False))
    group, inner, outer = draw(
        st.one_of(
            st.tuples(st.just(1), sizes(6), sizes(6)),  # dense
            st.tuples(st.sampled_from((4, 6)), st.just(1), st.just(1)),  # depthwise
            st.tuples(st.sampled_from((2, 3, 4, 6)), st.just(1), st.integers(1, 3)),
            st.tuples(st.integers(2, 3), st.integers(1, 3), st.integers(1, 3)),  # grouped
        )
    )
    batch = draw(st.integers(1, 3))
    assume(batch * group * inner * prod(window.sizes) <= MAX_ELEMENTS)
    x = draw(image((batch, group * inner, *window.sizes)))
    w = draw(values((group * outer, inner, *window.kernel)))
    b = draw(st.sampled_from([None, draw(vector(group * outer))]))
    attributes = {**window.attributes, **({"group": group} if group > 1 else {})}
    return NodeExample((operator,), (x, w) if b is None else (x, w, b), attributes)


# Examples


def test_filters_take_the_order_in_which_a_later_node_prefers_the_channels() -> None:
    """The second convolution, in groups, reads them unshuffled: kernel and bias of the first are
    shuffled instead, and nothing is transposed."""
    text = """net (float[N,5,4,4] x) => (float[N,4,2,2] y) {
        filtered = Conv(x, w, bias)
        split = Reshape(filtered, apart)
        swapped = Transpose<perm=[0, 2, 1, 3, 4]>(split)
        shuffled = Reshape(swapped, together)
        y = Conv<group=2>(shuffled, k)
    }"""
    weights = {"w": seeded((6, 5, 1, 1)), "bias": seeded((6,), 1), "k": seeded((4, 3, 3, 3), 2)}
    shapes = {"apart": np.array([0, 2, 3, 4, 4]), "together": np.array([0, 6, 4, 4])}
    raised = raise_and_compare(graph(text, {**weights, **shapes}), {"x": seeded((2, 5, 4, 4), 3)})
    assert raised.plan.permutations == ()


def test_a_kernel_follows_the_channels_of_its_input() -> None:
    """What shuffles the channels before a convolution shuffles its kernel, and moves nothing."""
    text = """net (float[N,6,4,4] x) => (float[N,3,2,2] y) {
        split = Reshape(x, apart)
        swapped = Transpose<perm=[0, 2, 1, 3, 4]>(split)
        shuffled = Reshape(swapped, together)
        y = Conv(shuffled, w)
    }"""
    shapes = {"apart": np.array([0, 2, 3, 4, 4]), "together": np.array([0, 6, 4, 4])}
    constants = {"w": seeded((3, 6, 3, 3)), **shapes}
    raised = raise_and_compare(graph(text, constants), {"x": seeded((2, 6, 4, 4), 1)})
    assert raised.plan.permutations == ()


def test_strides_and_pads_follow_the_spatial_axes() -> None:
    """A turned image is convolved as it lies: its columns are the rows of the stored one."""
    text = """net (float[N,2,5,8] x) => (float[N,3,4,5] y) {
        turned = Transpose<perm=[0, 1, 3, 2]>(x)
        y = Conv<strides=[2, 1], pads=[1, 0, 1, 2]>(turned, w)
    }"""
    raise_and_compare(graph(text, {"w": seeded((3, 2, 3, 3))}), {"x": seeded((2, 2, 5, 8), 1)})


def test_channels_whose_number_only_the_data_give_are_refused() -> None:
    text = """g (int64[4] shape) => (float[a,2,h,w] y) {
        x = ConstantOfShape(shape)  y = Conv<group=2>(x, k)
    }"""
    with pytest.raises(UnsupportedOperatorError, match="channels whose number only the data give"):
        plan_of(graph(text, {"k": seeded((2, 1, 3, 3))}))
