"""The laws of stored axes: slices, products, reductions, concatenations."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from bridge.layout import Layout
from tests.laws.layouts import Array, concatenations, layouts, lines, numbered, same, shapes

# Stored axes


@given(layouts(), st.data())
def test_where_and_axis_agree_with_slicing(layout: Layout, data: st.DataObject) -> None:
    """A slice along an axis with a stored axis of its own is a slice along that stored axis."""
    whole = [axis for axis in range(layout.rank) if layout.where(axis) is not None]
    assume(whole)
    axis = data.draw(st.sampled_from(whole))
    stored_axis, line = layout.where(axis), layout.axis(axis)
    assert stored_axis is not None
    x = numbered(layout.logical_shape)
    order = line.apply(np.arange(x.shape[axis]))
    assert line.where(0) == 0
    for at, element in enumerate(order):
        taken = {*x.take(element, axis).ravel().tolist()}
        assert {*layout.apply(x).take(at, stored_axis).ravel().tolist()} == taken


@given(layouts())
def test_where_finds_every_axis_that_slicing_finds(layout: Layout) -> None:
    """None is said only where no stored axis of that size has the same slices."""
    x = numbered(layout.logical_shape)
    stored = layout.apply(x)
    for axis in range(layout.rank):
        if layout.where(axis) is None and x.shape[axis] != 1:
            slices = parted(x, axis)
            assert all(parted(stored, other) != slices for other in range(stored.ndim))


def parted(x: Array, axis: int) -> set[frozenset[int]]:
    return {frozenset(x.take(i, axis).ravel().tolist()) for i in range(x.shape[axis])}


@st.composite
def placed(draw: st.DrawFn) -> tuple[Layout, tuple[int, ...]]:
    """A product of lines, and the order in which they are stored."""
    shape = draw(shapes())
    parts = [draw(concatenations(s) if s > 3 and draw(st.booleans()) else lines(s)) for s in shape]
    order = tuple(draw(st.permutations(range(len(shape)))))
    return Layout.product(parts, order), order


@given(placed())
def test_product_puts_each_part_on_its_stored_axis(case: tuple[Layout, tuple[int, ...]]) -> None:
    layout, order = case
    stored_axes = [layout.where(axis) for axis in order]
    assert stored_axes == list(range(layout.rank))
    assert Layout.product([layout.axis(i) for i in range(layout.rank)], order) == layout


@given(placed())
def test_product_applies_part_by_part(case: tuple[Layout, tuple[int, ...]]) -> None:
    layout, order = case
    x = numbered(layout.logical_shape)
    lines = [layout.axis(i).apply(np.arange(size)) for i, size in enumerate(x.shape)]
    assert same(layout.apply(x), x[np.ix_(*lines)].transpose(order))


@given(placed(), st.data())
def test_dropped_is_what_a_reduction_leaves(
    case: tuple[Layout, tuple[int, ...]], data: st.DataObject
) -> None:
    layout, _ = case
    axes = data.draw(st.sets(st.sampled_from(range(layout.rank)))) if layout.rank else set()
    x = numbered(layout.logical_shape)
    positions = map(layout.where, axes)
    stored_axes = tuple(axis for axis in positions if axis is not None)
    left = layout.dropped(axes)
    assert same(left.apply(x.sum(tuple(axes))), layout.apply(x).sum(stored_axes))


@given(layouts(), st.data())
def test_dropped_holds_for_axes_with_a_stored_axis(layout: Layout, data: st.DataObject) -> None:
    whole = [axis for axis in range(layout.rank) if layout.where(axis) is not None]
    assume(whole)
    axis = data.draw(st.sampled_from(whole))
    x = numbered(layout.logical_shape)
    reduced = layout.apply(x).sum(layout.where(axis))
    assert same(layout.dropped([axis]).apply(x.sum(axis)), reduced)


@given(layouts(), st.data())
def test_resized_is_what_an_operator_along_an_axis_leaves(
    layout: Layout, data: st.DataObject
) -> None:
    """Any map along the axis that asks for its order and gives a plain one, such as Conv."""
    whole = [axis for axis in range(layout.rank) if layout.where(axis) is not None]
    assume(whole)
    axis, size = data.draw(st.sampled_from(whole)), data.draw(st.integers(1, 5))
    stored_axis = layout.where(axis)
    resized = layout.resized(axis, size)
    assert stored_axis is not None
    assert resized.where(axis) == stored_axis
    assert resized.axis(axis).is_identity
    x = numbered(layout.logical_shape)
    weight = np.arange(size * x.shape[axis]).reshape(size, -1)
    ordered = weight[:, layout.axis(axis).apply(np.arange(x.shape[axis]))]
    assert same(resized.apply(along(axis, weight, x)), along(stored_axis, ordered, layout.apply(x)))


def along(axis: int, weight: Array, x: Array) -> Array:
    return np.moveaxis(np.tensordot(weight, x, (1, axis)), 0, axis)


# Concatenation


@given(st.lists(st.sampled_from([1, 2, 4, 6]).flatmap(lines), min_size=1, max_size=4))
def test_concatenated_parts_are_a_concatenation(parts: list[Layout]) -> None:
    x = numbered([sum(int(part.logical_shape[0]) for part in parts)])
    ends = np.cumsum([part.logical_shape[0] for part in parts])[:-1]
    stored = [part.apply(x) for part, x in zip(parts, np.split(x, ends), strict=True)]
    whole = Layout.concatenated(parts)
    assert same(whole.apply(x), np.concatenate(stored))
    assert whole.is_identity == all(part.is_identity for part in parts)
    assert Layout.concatenated([whole]).same_array(whole)
    assert (
        Layout.concatenated([*parts[:1], Layout.concatenated(parts[1:])] if parts[1:] else parts)
        == whole
    )


@given(placed(), st.data())
def test_concat_of_tensors_along_an_axis(
    case: tuple[Layout, tuple[int, ...]], data: st.DataObject
) -> None:
    layout, order = case
    assume(layout.rank)
    axis = data.draw(st.integers(0, layout.rank - 1))
    line = data.draw(st.sampled_from([1, 3, 4]).flatmap(lines))
    parts = [layout.axis(i) for i in range(layout.rank)]
    stored_axis = layout.where(axis)

    def along(part: Layout) -> Layout:
        return Layout.product([*parts[:axis], part, *parts[axis + 1 :]], order)

    one, two = layout, along(line)
    x, y = numbered(one.logical_shape), -numbered(two.logical_shape)
    both = along(Layout.concatenated([parts[axis], line]))
    assert same(
        both.apply(np.concatenate([x, y], axis)),
        np.concatenate([one.apply(x), two.apply(y)], stored_axis),
    )
