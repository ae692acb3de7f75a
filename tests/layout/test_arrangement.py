"""Where atoms are stored, by example."""

from __future__ import annotations

import pytest

from bridge.layout import Layout

NHWC = Layout.ordered((2, 3, 4, 5), (0, 2, 3, 1))


@pytest.mark.parametrize(
    "stored", [((0,),), ((0,), (1,), (1,)), ((0,), (0,)), ((0,), (2,)), ((0, 1), (-1,))]
)
def test_each_atom_is_stored_exactly_once(stored: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(ValueError, match="2 atoms are not stored once each"):
        Layout(((2,), (3,)), stored)


def test_sizes_may_be_0_but_not_below() -> None:
    assert Layout.identity((2, 0)).stored_shape == (2, 0)
    with pytest.raises(ValueError, match="sizes must be at least 0"):
        Layout.identity((2, -1))


def test_an_axis_of_size_1_within_a_longer_stored_axis_is_nowhere() -> None:
    layout = Layout(((1,), (4,)), ((0, 1),))
    assert [layout.where(axis) for axis in range(2)] == [None, 0]


def test_an_axis_that_shares_or_is_split_has_no_stored_axis() -> None:
    shared, split = NHWC.grouped((6, 20)), Layout(((2,), (3,)), ((0, 1),))
    assert shared is not None
    assert shared.where(0) is None
    assert [split.where(axis) for axis in range(2)] == [None, None]
    for call in (split.axis, lambda axis: split.resized(axis, 5), lambda a: split.dropped([a])):
        with pytest.raises(ValueError, match=r"axis 0 of .* has no stored axis of its own"):
            call(0)


def test_an_atom_of_size_1_elsewhere_is_no_part_of_the_axis() -> None:
    layout = Layout(((1, 4),), ((0,), (1,)))
    assert layout.where(0) == 1
    assert layout.axis(0) == Layout.identity((4,))
    assert layout.resized(0, 6) == Layout(((6,),), ((), (0,)))


def test_axes_of_size_1_may_share_a_stored_axis() -> None:
    layout = Layout(((1,), (1,), (4,)), ((1, 0), (2,)))
    assert [layout.where(axis) for axis in range(3)] == [0, 0, 1]
    assert layout.resized(1, 6).stored_shape == (6, 4)
    assert layout.dropped([0]) == Layout(((), (4,)), ((0,),))


def test_an_axis_of_size_1_keeps_its_stored_axis() -> None:
    layout = Layout.ordered((1, 1, 4, 5), (0, 2, 3, 1))
    assert [layout.where(axis) for axis in range(4)] == [0, 3, 1, 2]
    assert layout.axis(1) == Layout.identity((1,))
    assert layout.resized(1, 8).stored_shape == (1, 4, 5, 8)
    assert layout.dropped((2, 3)) == Layout.ordered((1, 1), (0, 1))
