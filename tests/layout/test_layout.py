"""Layouts by example; their laws are in tests/laws."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.layout import Concatenated, Layout

NAMED = Layout.ordered(("n", 3, "h", 5), (0, 2, 3, 1))
NHWC = Layout.ordered((2, 3, 4, 5), (0, 2, 3, 1))
TWISTED = Layout(((2, 3),), ((1, 0),))  # an axis of 6, stored 3 2
OTHERWISE = Layout(((3, 2),), ((1, 0),))  # an axis of 6, stored 2 3


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


def test_a_transpose_to_channels_last_is_plain() -> None:
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
    assert shuffled.axis(1).same_array(OTHERWISE)


def test_neighbours_in_both_orders_are_merged_where_the_borders_change() -> None:
    grouped = NHWC.grouped((2, 3, 10, 2))
    assert grouped is not None
    assert grouped.stored_shape == (2, 10, 2, 3)
    assert NHWC.grouped((6, 20)) == Layout(((2, 3), (4, 5)), ((0,), (2, 3), (1,)))


def test_no_border_may_fall_inside_of_an_atom_that_moves() -> None:
    assert Layout.ordered((6, 10), (1, 0)).grouped((4, 15)) is None
    assert Layout.concatenated([TWISTED, Layout.identity((4,))]).grouped((2, 5)) is None


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


def test_a_product_of_symbols_can_be_parted_again() -> None:
    flat = Layout.identity(("6*batch", 5)).grouped(("batch", 2, 3, 5))
    assert flat is not None
    assert flat.stored_shape == ("batch", 2, 3, 5)


def test_symbols_that_stay_together_need_not_be_known() -> None:
    rows = Layout.ordered(("batch", 3, "h", "w"), (0, 2, 3, 1)).grouped(("batch", 3, "h*w"))
    assert rows is not None
    x = np.arange(60).reshape(1, 3, 20)
    assert np.array_equal(rows.apply(x), x.transpose(0, 2, 1))


def test_a_symbol_known_from_one_axis_serves_another() -> None:
    layout = Layout((("h", "w"), ("h",)), ((1, 0), (2,)))
    x = np.arange(24).reshape(12, 2)
    stored = x.reshape(2, 6, 2).transpose(1, 0, 2).reshape(12, 2)
    assert np.array_equal(layout.apply(x), stored)


def test_symbols_that_part_ways_must_be_known() -> None:
    parted = Layout((("h", "w"),), ((1, 0),))
    with pytest.raises(ValueError, match=r"shape \(12,\) does not fit"):
        parted.apply(np.zeros(12))


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 5, 4), (2, 60)])
def test_an_array_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"does not fit n c h w -> n h w c of \(2, 3, 4, 5\)"):
        NHWC.apply(np.zeros(shape))


def test_what_symbols_leave_must_fit() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Layout.identity(("batch", 3)).apply(np.zeros((2, 4)))
    with pytest.raises(ValueError, match="does not fit"):
        Layout((("batch", 3),), ((1, 0),)).apply(np.zeros(7))


@pytest.mark.parametrize(
    "stored", [((0,),), ((0,), (1,), (1,)), ((0,), (0,)), ((0,), (2,)), ((0, 1), (-1,))]
)
def test_each_atom_is_stored_exactly_once(stored: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(ValueError, match="2 atoms are not stored once each"):
        Layout(((2,), (3,)), stored)


def test_there_are_no_empty_tensors() -> None:
    with pytest.raises(ValueError, match="sizes must be at least 1"):
        Layout.identity((2, 0))


@pytest.mark.parametrize(
    ("layout", "shape", "stored"),
    [
        (Layout.identity(("found", 7)), (0, 7), (0, 7)),
        (NAMED, (0, 3, 4, 5), (0, 4, 5, 3)),
        (NAMED, (2, 3, 0, 5), (2, 0, 5, 3)),
    ],
)
def test_but_an_array_may_be_empty(
    layout: Layout, shape: tuple[int, ...], stored: tuple[int, ...]
) -> None:
    assert layout.apply(np.zeros(shape)).shape == stored
    assert layout.undo(np.zeros(stored)).shape == shape


# Axes of size 1


def test_an_axis_of_size_1_keeps_its_place() -> None:
    layout = Layout.ordered((1, 1, 4, 5), (0, 2, 3, 1))
    assert [layout.where(axis) for axis in range(4)] == [0, 3, 1, 2]
    assert layout.axis(1) == Layout.identity((1,))
    assert layout.resized(1, 8).stored_shape == (1, 4, 5, 8)
    assert layout.dropped((2, 3)) == Layout.ordered((1, 1), (0, 1))


def test_axes_of_size_1_may_share_a_place() -> None:
    layout = Layout(((1,), (1,), (4,)), ((1, 0), (2,)))
    assert [layout.where(axis) for axis in range(3)] == [0, 0, 1]
    assert layout.resized(1, 6).stored_shape == (6, 4)
    assert layout.dropped([0]) == Layout(((), (4,)), ((0,),))


def test_an_axis_of_size_1_beside_a_longer_one_has_no_place() -> None:
    layout = Layout(((1,), (4,)), ((0, 1),))
    assert [layout.where(axis) for axis in range(2)] == [None, 0]


def test_the_canonical_form_has_no_places_for_them() -> None:
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


def test_grouped_to_the_same_shape_keeps_the_places() -> None:
    layout = Layout.ordered((1, 8, 1, 1), (0, 2, 3, 1))
    assert layout.grouped((1, None, 1, 1)) is layout


# Places of their own


def test_an_axis_that_shares_or_is_spread_has_no_place() -> None:
    shared, spread = NHWC.grouped((6, 20)), Layout(((2,), (3,)), ((0, 1),))
    assert shared is not None
    assert shared.where(0) is None
    assert [spread.where(axis) for axis in range(2)] == [None, None]
    for call in (spread.axis, lambda axis: spread.resized(axis, 5), lambda a: spread.dropped([a])):
        with pytest.raises(ValueError, match=r"axis 0 of .* has no stored axis of its own"):
            call(0)


def test_dropped_counts_from_the_end_too() -> None:
    assert NHWC.dropped([-1]) == NHWC.dropped([3])


def test_an_atom_of_size_1_elsewhere_is_no_part_of_the_axis() -> None:
    layout = Layout(((1, 4),), ((0,), (1,)))
    assert layout.where(0) == 1
    assert layout.axis(0) == Layout.identity((4,))
    assert layout.resized(0, 6) == Layout(((6,),), ((), (0,)))


def test_one_axis_within_a_tensor_of_plain_ones() -> None:
    layout = TWISTED.within((4, 6, 5), axis=1)
    assert layout.axis(1) == TWISTED
    assert layout.stored_shape == (4, 6, 5)
    assert layout.axis(0).is_identity
    assert layout.axis(2).is_identity


# Composition


def test_compose_needs_a_store_of_the_right_shape() -> None:
    with pytest.raises(ValueError, match=r"\(2, 4, 5, 3\) is stored, \(2, 3, 4, 5\) is expected"):
        NHWC.compose(NHWC)


def test_compose_needs_atoms_that_serve_both() -> None:
    with pytest.raises(ValueError, match="no atoms serve both"):
        TWISTED.compose(TWISTED)
    assert TWISTED.compose(OTHERWISE).is_identity


def test_refine_needs_one_tensor() -> None:
    with pytest.raises(ValueError, match="are not one tensor"):
        Layout.identity((2, 3)).refine(Layout.identity((3, 2)))


def test_refine_cuts_what_only_one_of_them_cuts() -> None:
    refined = Layout.identity((2, 60)).refine(Layout(((2,), (3, 20)), ((0,), (2, 1))))
    assert refined is not None
    assert refined[0] == Layout(((2,), (3, 20)), ((0,), (1, 2)))
    assert TWISTED.refine(OTHERWISE) is None


# Concatenation


def test_a_joined_axis_has_the_order_of_each_part() -> None:
    joined = Layout.concatenated([TWISTED, Layout.identity((2,))])
    (atom,) = joined.atoms
    assert isinstance(atom, Concatenated)
    assert atom.order.tolist() == [0, 3, 1, 4, 2, 5, 6, 7]
    assert joined.inverse().apply(np.arange(8)).tolist() == [0, 2, 4, 1, 3, 5, 6, 7]
    assert joined.logical_shape == joined.stored_shape == (8,)


def test_plain_parts_join_to_a_plain_axis() -> None:
    assert Layout.concatenated([Layout.identity((2,)), Layout.identity((3,))]) == Layout.identity(
        (5,)
    )
    twice = Layout.concatenated([Layout.identity(("batch",)), Layout.identity(("batch",))])
    assert twice == Layout.identity(("2*batch",))


def test_joining_a_joined_goes_on_with_its_parts() -> None:
    plain = Layout.identity((2,))
    inner = Layout.concatenated([TWISTED, plain])
    assert Layout.concatenated([inner, plain]) == Layout.concatenated(
        [TWISTED, Layout.identity((4,))]
    )


def test_joined_orders_compose_part_by_part() -> None:
    one = Layout.concatenated([TWISTED, TWISTED, OTHERWISE])
    plain = Layout.identity((6,))
    two = Layout.concatenated([OTHERWISE, plain, TWISTED])
    assert two.refine(one) is not None
    with pytest.raises(ValueError, match=r"parts of \(6, 6, 6\) and \(12, 6\) do not match"):
        one.compose(Layout.concatenated([Layout.identity((12,)), TWISTED]))
    both = one.compose(two)
    x = np.arange(18)
    assert both.apply(x).tolist() == two.apply(one.apply(x)).tolist()
    assert both == Layout.concatenated([plain, TWISTED, plain])


def test_the_order_of_composition_counts_within_the_parts() -> None:
    plain = Layout.identity((2,))
    one = Layout.concatenated([Layout(((2, 2, 3),), ((1, 0, 2),)), plain])
    two = Layout.concatenated([Layout(((2, 2, 3),), ((0, 2, 1),)), plain])
    x = np.arange(14)
    assert one.compose(two).apply(x).tolist() == two.apply(one.apply(x)).tolist()


def test_a_joined_meets_a_whole_axis_and_no_less() -> None:
    joined = Layout.concatenated([TWISTED, Layout.identity((2,))])
    assert Layout.product([joined, joined], (1, 0)).permuted((1, 0)).where(0) == 0
    assert joined.refine(Layout.identity((8,))) is not None
    assert joined.refine(Layout(((2, 4),), ((1, 0),))) is None


def test_neighbours_of_a_joined_are_not_merged_with_it() -> None:
    """The order inside would be lost."""
    joined = Layout.concatenated([TWISTED, Layout.identity((2,))])
    layout = Layout.product([Layout.identity((2,)), joined, Layout.identity((2,))], (0, 1, 2))
    flat = layout.grouped((32,))
    assert flat is not None
    x = np.arange(32)
    assert np.array_equal(flat.apply(x), layout.apply(x.reshape(2, 8, 2)).ravel())
    assert flat.canonical().atoms == layout.atoms


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        ((Layout.identity((2, 3)), TWISTED), "one logical and one stored axis"),
        ((Layout(((2, 3),), ((0,), (1,))), TWISTED), "one logical and one stored axis"),
        ((Layout.identity(("h",)), TWISTED), "with unknown sizes"),
        ((TWISTED,), "two parts or more"),
    ],
)
def test_parts_that_are_no_joined(parts: tuple[Layout, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Concatenated(parts)


def test_layouts_are_keys() -> None:
    again = Layout.ordered((2, 3, 4, 5), (0, 2, 3, 1))
    assert {NHWC: "seen"}[again] == "seen"
