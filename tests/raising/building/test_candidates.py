"""The layouts that rules ask for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.building.candidates import (
    MAX_BROADCAST,
    broadcast_layout,
    broadcastable,
    channels_last,
    inner_layout,
    resized,
    with_identity_axes,
)
from bridge.raising.table import Operand
from tests.helpers.strategies.layouts import layouts

SHUFFLED = Layout(((2, 3),), ((1, 0),))  # a channel axis after a shuffle


def operand(layout: Layout) -> Operand:
    return Operand("x", "float32", layout.logical_shape, layout)


def image(channels: Layout) -> Layout:
    n, h, w = (Layout.identity((size,)) for size in (2, 4, 5))
    return Layout.product([n, channels, h, w], (0, 1, 2, 3))


def test_channels_last_keeps_the_inner_layout_of_the_channels() -> None:
    layout = channels_last(operand(image(SHUFFLED)))
    assert layout.stored_shape == (2, 4, 5, 6)
    assert layout.axis(1).same_element_order(SHUFFLED)
    assert channels_last(operand(image(SHUFFLED)), identity_channels=True) == Layout.ordered(
        (2, 6, 4, 5), (0, 2, 3, 1)
    )


def test_channels_last_of_a_split_axis_is_the_identity() -> None:
    split = Layout(((2,), (2, 3), (4,), (5,)), ((0,), (1,), (3,), (4,), (2,)))
    assert channels_last(operand(split)) == Layout.ordered((2, 6, 4, 5), (0, 2, 3, 1))


def test_inner_layout() -> None:
    assert inner_layout(operand(image(SHUFFLED)), 1).same_element_order(SHUFFLED)
    assert inner_layout(operand(Layout(((2, 3), (4,)), ((0,), (2,), (1,)))), 0).is_identity


def test_with_identity_axes_is_the_identity_layout_if_an_axis_has_another() -> None:
    last = Layout.ordered((2, 6, 4, 5), (0, 2, 3, 1))
    assert with_identity_axes(operand(last), [1, 2]) == last
    assert with_identity_axes(operand(image(SHUFFLED)), [2]) == image(SHUFFLED)
    assert with_identity_axes(operand(image(SHUFFLED)), [1]) == Layout.identity((2, 6, 4, 5))


def test_with_identity_axes_gives_each_axis_a_stored_axis_of_its_own() -> None:
    shared = Layout(((1,), (1,), (1,)), ((0,), (1, 2)))
    assert with_identity_axes(operand(shared), [1, 2]) == Layout.identity((1, 1, 1))


def test_resized() -> None:
    last = Layout.ordered((2, 6, 4, 5), (0, 2, 3, 1))
    assert resized(last, (2, 6, 2, 3), (2, 3)) == Layout.ordered((2, 6, 2, 3), (0, 2, 3, 1))


@pytest.mark.parametrize(
    ("shape", "stored"),
    [
        ((3, 1, 1), (1, 1, 1, 3)),
        ((5,), (1, 1, 5, 1)),
        ((2, 1, 1, 1), (2, 1, 1, 1)),
        ((1, 3, 4, 5), (1, 4, 5, 3)),
        ((), (1, 1, 1, 1)),
    ],
)
def test_broadcast_layout_for_channels_last(
    shape: tuple[int, ...], stored: tuple[int, ...]
) -> None:
    base = Layout.ordered((2, 3, 4, 5), (0, 2, 3, 1))
    assert broadcast_layout(base, shape).stored_shape == stored


def test_broadcast_layout_keeps_a_size_if_the_other_is_unknown() -> None:
    base = Layout.ordered(("n", 3, "h", 5), (0, 2, 3, 1))
    assert broadcast_layout(base, (4, 5)).stored_shape == (1, 4, 5, 1)
    with pytest.raises(UnsupportedError, match="unknown size"):
        broadcast_layout(Layout((("n", 2),), ((1, 0),)), (6,))


@given(st.data())
def test_operands_in_broadcast_layouts_broadcast_as_in_onnx(data: st.DataObject) -> None:
    """base.apply(x + y) == base.apply(x) + broadcast_layout(base, y.shape).apply(y)"""
    shape = data.draw(st.lists(st.sampled_from([1, 2, 4, 6]), min_size=1, max_size=4).map(tuple))
    other = tuple(data.draw(st.sampled_from([1, size])) for size in shape)
    other = other[data.draw(st.integers(0, len(other))) :]
    base = broadcastable(data.draw(layouts(shape)), [other])
    x = np.arange(np.prod(shape), dtype=float).reshape(shape)
    y = 1000 + np.arange(np.prod(other), dtype=float).reshape(other) ** 2
    np.testing.assert_array_equal(
        base.apply(x + y), base.apply(x) + broadcast_layout(base, other).apply(y.reshape(other))
    )


def test_broadcastable_splits_only_what_is_broadcast_in_part() -> None:
    flat = Layout(((2,), (3, 4, 5)), ((0,), (2, 3, 1)))
    assert broadcastable(flat, [(60,)]) == flat
    channels_last_flat = Layout(((2,), (3,), (4,), (5,)), ((0,), (2, 3, 1)))
    assert broadcastable(channels_last_flat, [(3, 1, 1)]).stored == ((0,), (2, 3), (1,))


def test_broadcastable_never_has_more_axes_than_tensorflow_broadcasts_over() -> None:
    mixed = Layout(((2, 2, 2), (2, 2, 2)), ((0, 3, 1, 4, 2, 5),))
    assert broadcastable(mixed, [(8,)]) == Layout.identity((8, 8))
    assert MAX_BROADCAST < 6
