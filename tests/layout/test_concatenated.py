"""Axes that are concatenated of parts, by example."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.layout import Concatenated, Layout

SWAPPED = Layout(((2, 3),), ((1, 0),))  # an axis of 6, stored 3 2
SWAPPED_BACK = Layout(((3, 2),), ((1, 0),))  # an axis of 6, stored 2 3


def test_a_concatenated_axis_has_the_order_of_each_part() -> None:
    layout = Layout.concatenated([SWAPPED, Layout.identity((2,))])
    (atom,) = layout.atoms
    assert isinstance(atom, Concatenated)
    assert atom.order.tolist() == [0, 3, 1, 4, 2, 5, 6, 7]
    assert layout.inverse().apply(np.arange(8)).tolist() == [0, 2, 4, 1, 3, 5, 6, 7]
    assert layout.logical_shape == layout.stored_shape == (8,)


def test_identity_parts_make_an_identity_axis() -> None:
    assert Layout.concatenated([Layout.identity((2,)), Layout.identity((3,))]) == Layout.identity(
        (5,)
    )
    twice = Layout.concatenated([Layout.identity(("batch",)), Layout.identity(("batch",))])
    assert twice == Layout.identity(("2*batch",))


def test_parts_of_a_concatenated_part_are_parts() -> None:
    identity = Layout.identity((2,))
    inner = Layout.concatenated([SWAPPED, identity])
    assert Layout.concatenated([inner, identity]) == Layout.concatenated(
        [SWAPPED, Layout.identity((4,))]
    )


def test_concatenated_orders_compose_part_by_part() -> None:
    one = Layout.concatenated([SWAPPED, SWAPPED, SWAPPED_BACK])
    identity = Layout.identity((6,))
    two = Layout.concatenated([SWAPPED_BACK, identity, SWAPPED])
    assert two.refine(one) is not None
    with pytest.raises(ValueError, match=r"parts of \(6, 6, 6\) and \(12, 6\) do not match"):
        one.compose(Layout.concatenated([Layout.identity((12,)), SWAPPED]))
    both = one.compose(two)
    x = np.arange(18)
    assert both.apply(x).tolist() == two.apply(one.apply(x)).tolist()
    assert both == Layout.concatenated([identity, SWAPPED, identity])


def test_the_order_of_composition_counts_within_the_parts() -> None:
    identity = Layout.identity((2,))
    one = Layout.concatenated([Layout(((2, 2, 3),), ((1, 0, 2),)), identity])
    two = Layout.concatenated([Layout(((2, 2, 3),), ((0, 2, 1),)), identity])
    x = np.arange(14)
    assert one.compose(two).apply(x).tolist() == two.apply(one.apply(x)).tolist()


def test_only_a_whole_axis_refines_a_concatenated_one() -> None:
    layout = Layout.concatenated([SWAPPED, Layout.identity((2,))])
    assert Layout.product([layout, layout], (1, 0)).permuted((1, 0)).where(0) == 0
    assert layout.refine(Layout.identity((8,))) is not None
    assert layout.refine(Layout(((2, 4),), ((1, 0),))) is None


def test_neighbours_of_a_concatenated_axis_are_not_merged_with_it() -> None:
    """The order inside would be lost."""
    layout = Layout.concatenated([SWAPPED, Layout.identity((2,))])
    layout = Layout.product([Layout.identity((2,)), layout, Layout.identity((2,))], (0, 1, 2))
    flat = layout.grouped((32,))
    assert flat is not None
    x = np.arange(32)
    assert np.array_equal(flat.apply(x), layout.apply(x.reshape(2, 8, 2)).ravel())
    assert flat.canonical().atoms == layout.atoms


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ((Layout.identity((2, 3)), SWAPPED), "one logical and one stored axis"),
        ((Layout(((2, 3),), ((0,), (1,))), SWAPPED), "one logical and one stored axis"),
        ((Layout.identity(("h",)), SWAPPED), "with unknown sizes"),
        ((SWAPPED,), "two parts or more"),
    ],
)
def test_parts_that_cannot_be_concatenated(parts: tuple[Layout, ...], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Concatenated(parts)
