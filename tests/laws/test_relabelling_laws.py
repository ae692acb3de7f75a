"""The laws of what moves nothing: new axes for the same store."""

from __future__ import annotations

from itertools import pairwise
from math import prod

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from bridge.layout import Layout
from tests.laws.layouts import cuts, groupings, layouts, numbered, reshapes, same, shapes


@given(layouts(), st.data())
def test_permuted_leaves_the_store(layout: Layout, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(layout.rank)))
    x = numbered(layout.logical_shape)
    permuted = layout.permuted(order)
    assert same(permuted.apply(x.transpose(order)), layout.apply(x))
    assert [permuted.where(i) for i in range(layout.rank)] == [layout.where(i) for i in order]


@given(layouts().flatmap(lambda one: st.tuples(st.just(one), reshapes(one))), st.data())
def test_grouped_leaves_the_order(
    case: tuple[Layout, tuple[int, ...]], data: st.DataObject
) -> None:
    layout, shape = case
    grouped = layout.grouped(shape)
    assume(grouped is not None)
    assert grouped is not None
    x = numbered(layout.logical_shape)
    assert grouped.logical_shape == shape
    assert same(grouped.apply(x.reshape(shape)).ravel(), layout.apply(x).ravel())
    if shape:
        left_open: list[int | None] = list(shape)
        left_open[data.draw(st.integers(0, len(shape) - 1))] = None
        assert layout.grouped(left_open) == grouped


@given(layouts())
def test_grouped_to_what_it_is_does_nothing(layout: Layout) -> None:
    assert layout.grouped(layout.logical_shape) == layout


@given(layouts())
def test_grouped_finds_every_flattening(layout: Layout) -> None:
    """One axis, or the atoms as axes: their borders always fit."""
    sizes = tuple(getattr(atom, "size", atom) for atom in layout.atoms)
    for shape in ((prod(sizes),), sizes):
        assert layout.grouped(shape) is not None


@given(shapes(), st.data())
def test_grouped_takes_a_plain_order_to_any_shape(
    shape: tuple[int, ...], data: st.DataObject
) -> None:
    """However the axes are cut: what no layout tells apart is one."""
    axes = tuple(tuple(data.draw(cuts(size))) for size in shape)
    layout = Layout(axes, data.draw(groupings(range(sum(map(len, axes))))))
    grouped = layout.grouped(data.draw(reshapes(Layout.identity((prod(shape),)))))
    assert grouped is not None
    assert grouped.same_element_order(layout)


@given(layouts(), st.data())
def test_grouped_stores_each_run_of_an_axis_on_one(layout: Layout, data: st.DataObject) -> None:
    shape = data.draw(reshapes(layout))
    assume(shape != layout.logical_shape)
    grouped = layout.grouped(shape)
    assume(grouped is not None)
    assert grouped is not None
    owners = [axis for axis, atoms in enumerate(grouped.axes) for _ in atoms]
    held = [{owners[atom] for atom in group} for group in grouped.stored]
    assert all(len(axes) == 1 for axes in held)
    non_unit = [axes for axes, size in zip(held, grouped.stored_shape, strict=True) if size != 1]
    assert all(one != two for one, two in pairwise(non_unit))


@given(layouts(), st.data())
def test_inserted_adds_an_axis_of_its_own(layout: Layout, data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, layout.rank))
    inserted = layout.inserted(axis)
    x = numbered(layout.logical_shape)
    stored_axis = inserted.where(axis)
    assert stored_axis is not None
    stored = np.expand_dims(layout.apply(x), stored_axis)
    assert same(inserted.apply(np.expand_dims(x, axis)), stored)
    assert inserted.dropped([axis]) == layout
    assert inserted.squeezed([axis]) == layout


@given(layouts(), st.data())
def test_squeezed_keeps_what_is_left_as_it_lies(layout: Layout, data: st.DataObject) -> None:
    ones = [axis for axis, size in enumerate(layout.logical_shape) if size == 1]
    gone = data.draw(st.sets(st.sampled_from(ones))) if ones else set()
    squeezed = layout.squeezed(gone)
    x = numbered(layout.logical_shape)
    apart = squeezed.apply(np.squeeze(x, tuple(gone)))
    assert same(apart.ravel(), layout.apply(x).ravel())
    long = [size for size in layout.stored_shape if size != 1]
    assert [size for size in squeezed.stored_shape if size != 1] == long
