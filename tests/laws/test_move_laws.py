"""The laws of moves, which turn one store into another."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from bridge.layout import Layout, Moves, moves
from tests.laws.layouts import Array, layouts, numbered, pairs, restored, same


def carried_out(plan: Moves, x: Array) -> Array:
    x = x if plan.before is None else x.reshape(plan.before)
    x = x if plan.order is None else x.transpose(plan.order)
    return x if plan.after is None else x.reshape(plan.after)


@given(pairs())
def test_moves_turn_one_store_into_the_other(pair: tuple[Layout, Layout]) -> None:
    have, want = pair
    plan = moves(have, want)
    assume(plan is not None)
    assert plan is not None
    x = numbered(have.logical_shape)
    assert same(carried_out(plan, have.apply(x)), want.apply(x))


@given(pairs())
def test_moves_move_only_where_they_must(pair: tuple[Layout, Layout]) -> None:
    have, want = pair
    plan = moves(have, want)
    assume(plan is not None)
    assert plan is not None
    assert (plan.order is None) == have.same_element_order(want)
    assert (plan == Moves()) == have.same_array(want)
    if plan.order is not None:
        assert sorted(plan.order) == list(range(len(plan.order)))
        assert list(plan.order) != sorted(plan.order)
    if plan.before is not None:
        assert plan.before != have.stored_shape
    else:
        assert plan.after is None or plan.order is None or len(plan.order) == len(have.stored)


@given(layouts(concatenated=False))
def test_moves_to_the_plain_order_and_back_always_exist(layout: Layout) -> None:
    plain = Layout.identity(layout.logical_shape)
    assert moves(layout, plain) is not None
    assert moves(plain, layout) is not None


@given(layouts(concatenated=False), st.data())
def test_moves_keep_a_leading_axis_apart(layout: Layout, data: st.DataObject) -> None:
    """Keras layers never touch the batch: where it leads both stores, it is never merged."""
    batch = data.draw(st.sampled_from([1, 2, 7]))
    have = layout.inserted(0).resized(0, batch)
    have = leading(have)
    want = leading(data.draw(restored(layout)).inserted(0).resized(0, batch))
    plan = moves(have, want)
    assert plan is not None
    if plan.order is not None:
        assert plan.order[0] == 0
        assert plan.before is None or plan.before[0] == batch


def leading(layout: Layout) -> Layout:
    """The same, with logical axis 0 as the first stored axis."""
    stored_axis = layout.where(0)
    assert stored_axis is not None
    first, rest = layout.stored[stored_axis], layout.stored
    return Layout(layout.axes, (first, *rest[:stored_axis], *rest[stored_axis + 1 :]))
