"""Parts of axes, in layouts that keep them together and in layouts that do not."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.layout import Layout
from bridge.raising.building.selecting import can_select, part

SWAPPED = Layout(((2, 3),), ((1, 0),))  # an axis of 6, stored 3 2


def test_an_axis_that_shares_a_stored_axis_cannot_be_selected_from() -> None:
    flat = Layout(((2,), (3,)), ((0, 1),))
    assert not can_select(flat, 0)
    assert can_select(Layout.identity((2, 3)), 0)


def test_an_axis_of_unknown_size_must_be_in_identity_layout() -> None:
    assert can_select(Layout.identity(("n", 3)), 0)
    assert not can_select(Layout(((2, "n"),), ((1, 0),)), 0)


@pytest.mark.parametrize("layout", [Layout.identity((6,)), SWAPPED])
@pytest.mark.parametrize(("start", "stop"), [(0, 6), (0, 3), (1, 5), (3, 6)])
def test_the_part_has_its_elements_at_these_positions(
    layout: Layout, start: int, stop: int
) -> None:
    x = np.arange(6)
    result, positions = part(layout, 0, start, stop)
    np.testing.assert_array_equal(layout.apply(x)[positions], result.apply(x[start:stop]))


def test_a_part_of_a_concatenated_axis_keeps_its_own_layout() -> None:
    layout = Layout.concatenated([SWAPPED, Layout.identity((2,))])
    assert part(layout, 0, 0, 6) == (SWAPPED, [*range(6)])
