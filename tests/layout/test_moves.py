from __future__ import annotations

import pytest

from bridge.layout import Layout, Moves, moves

PLAIN = Layout.identity((2, 3, 4, 5))
NHWC = Layout.ordered((2, 3, 4, 5), (0, 2, 3, 1))
TWISTED = Layout(((2, 3),), ((1, 0),))


def flattened(layout: Layout, shape: tuple[int | str, ...]) -> Layout:
    flat = layout.grouped(shape)
    assert flat is not None
    return flat


def test_nothing_to_do() -> None:
    assert moves(NHWC, NHWC) == Moves()
    assert moves(NHWC, NHWC.inverse().inverse()) == Moves()


def test_whole_axes_need_no_reshape() -> None:
    assert moves(PLAIN, NHWC) == Moves(order=(0, 2, 3, 1))
    assert moves(NHWC, PLAIN) == Moves(order=(0, 3, 1, 2))


def test_a_flattened_store_is_taken_apart_as_little_as_serves() -> None:
    have, want = flattened(NHWC, (2, 60)), Layout.identity((2, 60))
    assert moves(have, want) == Moves(before=(2, 20, 3), order=(0, 2, 1), after=(2, 60))


def test_without_a_batch_fewer_axes_serve() -> None:
    have = flattened(Layout.ordered((3, 4, 5), (1, 2, 0)), (60,))
    assert moves(have, Layout.identity((60,))) == Moves((20, 3), (1, 0), (60,))


def test_symbols_stay_symbols() -> None:
    plain = Layout.identity(("batch", 3, "h", "w"))
    nhwc = Layout.ordered(plain.logical_shape, (0, 2, 3, 1))
    rows = nhwc.grouped(("batch", 3, "h*w"))
    assert rows is not None
    assert moves(plain, nhwc) == Moves(order=(0, 2, 3, 1))
    assert moves(rows, Layout.identity(rows.logical_shape)) == Moves(order=(0, 2, 1))


def test_a_batch_that_leads_both_is_never_merged() -> None:
    have = Layout((("batch",), (2, 3, 4)), ((0,), (1, 3, 2)))
    want = Layout.identity(("batch", 24))
    assert moves(have, want) == Moves(("batch", 2, 4, 3), (0, 1, 3, 2), ("batch", 24))


def test_a_batch_of_1_stays_apart_too() -> None:
    have = flattened(Layout.ordered((1, 3, 4, 5), (0, 2, 3, 1)), (1, 60))
    assert moves(have, Layout.identity((1, 60))) == Moves((1, 20, 3), (0, 2, 1), (1, 60))


def test_axes_of_size_1_are_moved_with_the_others() -> None:
    have = Layout.identity((2, 3, 1, 5))
    want = Layout.ordered((2, 3, 1, 5), (0, 2, 3, 1))
    assert moves(have, want) == Moves(order=(0, 2, 3, 1))


def test_only_axes_of_size_1_move_by_reshape() -> None:
    have, want = Layout.identity((2, 1, 4, 5)), Layout.ordered((2, 1, 4, 5), (0, 2, 3, 1))
    assert moves(have, want) == Moves(after=(2, 4, 5, 1))


def test_another_number_of_axes_needs_a_reshape() -> None:
    have, want = Layout.identity((2, 3, 1)), Layout(((2,), (3,), (1,)), ((1,), (0, 2)))
    assert moves(have, want) == Moves(before=(2, 3), order=(1, 0))


def test_a_leading_axis_that_does_not_stay_is_not_cut_off() -> None:
    want = Layout(PLAIN.axes, ((0, 1), (3,), (2,)))
    assert moves(PLAIN, want) == Moves(before=(6, 4, 5), order=(0, 2, 1))


def test_a_leading_axis_of_the_same_size_is_not_the_same_axis() -> None:
    """Both stores lead with a 2, but the one is part of the 6, the other of the 4."""
    have = Layout(((2, 3), (2, 2)), ((0,), (1,), (2, 3)))
    want = Layout(((2, 3), (2, 2)), ((2,), (3,), (0, 1)))
    assert moves(have, want) == Moves((6, 4), (1, 0), (2, 2, 6))


def test_what_stays_together_in_both_stores_moves_as_one() -> None:
    """Also where it is no neighbour in the tensor: `a b c` stored `b a c` and `c b a`."""
    have, want = (Layout(((2, 3, 4),), (order,)) for order in ((1, 0, 2), (2, 1, 0)))
    assert moves(have, want) == Moves((6, 4), (1, 0), (24,))


def test_no_single_transpose_takes_one_cut_to_another() -> None:
    assert moves(TWISTED, Layout(((3, 2),), ((1, 0),))) is None


def test_a_concatenated_axis_moves_as_one() -> None:
    layout = Layout.concatenated([TWISTED, Layout.identity((2,))])
    plain = Layout.identity((4,))
    have, want = (Layout.product([layout, plain], order) for order in ((0, 1), (1, 0)))
    assert moves(have, want) == Moves(order=(1, 0))
    assert moves(have, Layout.identity((8, 4))) is None


def test_both_are_stores_of_one_tensor() -> None:
    with pytest.raises(ValueError, match="are not one tensor"):
        moves(PLAIN, Layout.identity((2, 60)))
