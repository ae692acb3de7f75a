"""Layouts by example; their laws are in tests/laws."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.layout import Layout

NAMED = Layout.ordered(("n", 3, "h", 5), (0, 2, 3, 1))
NHWC = Layout.ordered((2, 3, 4, 5), (0, 2, 3, 1))
SWAPPED = Layout(((2, 3),), ((1, 0),))  # an axis of 6, stored 3 2
SWAPPED_BACK = Layout(((3, 2),), ((1, 0),))  # an axis of 6, stored 2 3


def test_channels_last() -> None:
    x = np.arange(120).reshape(2, 3, 4, 5)
    assert np.array_equal(NHWC.apply(x), x.transpose(0, 2, 3, 1))
    assert NHWC.stored_shape == (2, 4, 5, 3)
    assert [NHWC.where(axis) for axis in range(4)] == [0, 3, 1, 2]


def test_flatten_moves_nothing() -> None:
    """The store keeps its order, and Gemm's weight has to follow it."""
    flat = NHWC.grouped((2, 60))
    assert flat is not None
    x = np.arange(120).reshape(2, 3, 4, 5)
    assert np.array_equal(flat.apply(x.reshape(2, 60)), NHWC.apply(x).reshape(2, 60))
    assert str(flat) == "n (c h w) -> n (h w c)"
    assert str(flat.axis(1)) == "(n c w) -> (c w n)"


def test_flatten_then_unflatten_is_the_layout_before() -> None:
    flat = NHWC.grouped((2, 60))
    assert flat is not None
    assert flat.grouped((2, 3, 4, 5)) == NHWC


def test_a_transpose_to_channels_last_is_the_identity() -> None:
    permuted = NHWC.permuted((0, 2, 3, 1))
    assert permuted.is_identity
    assert permuted.grouped((2, 60)) == Layout(((2,), (4, 5, 3)), ((0,), (1, 2, 3)))


def test_a_channel_shuffle_moves_nothing() -> None:
    """Reshape, transpose, reshape within the channels: another order on their stored axis."""
    layout = Layout.ordered((1, 6, 4, 4), (0, 2, 3, 1))
    apart = layout.grouped((1, 2, 3, 4, 4))
    assert apart is not None
    shuffled = apart.permuted((0, 2, 1, 3, 4)).grouped((1, 6, 4, 4))
    assert shuffled is not None
    assert shuffled.where(1) == 3
    assert shuffled.axis(1).same_array(SWAPPED_BACK)


def test_neighbours_in_both_orders_are_merged_where_the_borders_change() -> None:
    grouped = NHWC.grouped((2, 3, 10, 2))
    assert grouped is not None
    assert grouped.stored_shape == (2, 10, 2, 3)
    assert NHWC.grouped((6, 20)) == Layout(((2, 3), (4, 5)), ((0,), (2, 3), (1,)))


def test_no_border_may_fall_inside_of_an_atom_that_moves() -> None:
    assert Layout.ordered((6, 10), (1, 0)).grouped((4, 15)) is None
    assert Layout.concatenated([SWAPPED, Layout.identity((4,))]).grouped((2, 5)) is None


def test_a_shape_of_other_elements_is_none() -> None:
    assert NHWC.grouped((2, 59)) is None
    assert NHWC.grouped((7, None)) is None


def test_only_one_size_can_be_left_open() -> None:
    with pytest.raises(ValueError, match="at most one size"):
        NHWC.grouped((None, None, 5))


def test_symbols_stay_symbols() -> None:
    layout = Layout.ordered(("batch", 3, "h", "w"), (0, 2, 3, 1))
    flat, rows = layout.grouped(("batch", None)), layout.grouped(("batch", 3, "h*w"))
    assert flat is not None
    assert flat.logical_shape == ("batch", "3*h*w")
    assert flat.stored_shape == ("batch", "3*h*w")
    assert rows is not None
    assert rows.stored_shape == ("batch", "h*w", 3)
    assert layout.grouped(("2*batch", None)) is None


def test_a_product_of_symbols_can_be_separated_again() -> None:
    flat = Layout.identity(("6*batch", 5)).grouped(("batch", 2, 3, 5))
    assert flat is not None
    assert flat.stored_shape == ("batch", 2, 3, 5)


# Axes of size 1


def test_the_canonical_form_stores_no_axes_of_size_1() -> None:
    canonical = Layout.ordered((1, 4), (1, 0)).canonical()
    assert canonical == Layout(((), (4,)), ((0,), ()))
    assert canonical.where(0) is None
    assert canonical.where(1) == 0


def test_global_pooling_then_flatten_then_convolution() -> None:
    """What Flatten takes away of 1 by 1 maps, Reshape brings back, behind the channels."""
    pooled = Layout.ordered((2, 8, 1, 1), (0, 2, 3, 1))
    flat = pooled.grouped((2, 8))
    assert flat == Layout.identity((2, 8))
    assert flat.grouped((2, 8, 1, 1)) == Layout.identity((2, 8, 1, 1))


def test_a_new_axis_comes_before_what_follows_it() -> None:
    assert NHWC.inserted(1).stored_shape == (2, 4, 5, 1, 3)
    assert NHWC.inserted(2).stored_shape == (2, 1, 4, 5, 3)
    assert NHWC.inserted(4).stored_shape == (2, 4, 5, 3, 1)
    assert NHWC.grouped((2, 3, 1, 4, 1, 5, 1)) == NHWC.inserted(4).inserted(3).inserted(2)


def test_grouped_to_the_same_shape_is_the_same_layout() -> None:
    layout = Layout.ordered((1, 8, 1, 1), (0, 2, 3, 1))
    assert layout.grouped((1, None, 1, 1)) is layout


# Stored axes of their own


def test_dropped_counts_from_the_end_too() -> None:
    assert NHWC.dropped([-1]) == NHWC.dropped([3])


def test_one_axis_among_axes_in_identity_layout() -> None:
    layout = SWAPPED.within((4, 6, 5), axis=1)
    assert layout.axis(1) == SWAPPED
    assert layout.stored_shape == (4, 6, 5)
    assert layout.axis(0).is_identity
    assert layout.axis(2).is_identity


# Composition


def test_compose_needs_a_physical_array_of_the_right_shape() -> None:
    with pytest.raises(ValueError, match=r"\(2, 4, 5, 3\) is stored, \(2, 3, 4, 5\) is expected"):
        NHWC.compose(NHWC)


def test_compose_needs_atoms_that_serve_both() -> None:
    with pytest.raises(ValueError, match="no atoms serve both"):
        SWAPPED.compose(SWAPPED)
    assert SWAPPED.compose(SWAPPED_BACK).is_identity


def test_refine_needs_one_tensor() -> None:
    with pytest.raises(ValueError, match="are not one tensor"):
        Layout.identity((2, 3)).refine(Layout.identity((3, 2)))


def test_refine_cuts_what_only_one_of_them_cuts() -> None:
    refined = Layout.identity((2, 60)).refine(Layout(((2,), (3, 20)), ((0,), (2, 1))))
    assert refined is not None
    assert refined[0] == Layout(((2,), (3, 20)), ((0,), (1, 2)))
    assert SWAPPED.refine(SWAPPED_BACK) is None


def test_layouts_are_keys() -> None:
    again = Layout.ordered((2, 3, 4, 5), (0, 2, 3, 1))
    assert {NHWC: "seen"}[again] == "seen"
