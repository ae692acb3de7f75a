"""The laws of the layout algebra: what a layout is, its inverse, its canonical form."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from bridge.layout import Layout
from tests.laws.layouts import (
    EMPTY_SHAPES,
    elements,
    layouts,
    layouts_of,
    numbered,
    pairs,
    restored,
    same,
    shapes,
)

# The definition


@given(layouts())
def test_apply_puts_each_element_where_counting_puts_it(layout: Layout) -> None:
    stored = layout.apply(numbered(layout.logical_shape))
    assert stored.shape == layout.stored_shape
    assert stored.ravel().tolist() == elements(layout)


@given(layouts())
def test_undo_takes_apply_back(layout: Layout) -> None:
    x = numbered(layout.logical_shape)
    assert same(layout.undo(layout.apply(x)), x)


@given(shapes(), st.data())
def test_a_transpose_is_a_view(shape: tuple[int, ...], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(shape))))
    x = numbered(shape)
    stored = Layout.ordered(shape, order).apply(x)
    assert same(stored, x.transpose(order))
    assert np.shares_memory(stored, x)


@given(layouts(), st.data())
def test_symbols_take_their_sizes_from_the_array(layout: Layout, data: st.DataObject) -> None:
    """With a symbol for one atom of each axis, what the others leave is its size."""
    axes = [list(axis) for axis in layout.axes]
    for i, axis in enumerate(axes):
        positions = [position for position, atom in enumerate(axis) if isinstance(atom, int)]
        if positions:
            axis[data.draw(st.sampled_from(positions))] = f"s{i}"
    symbolic = Layout(tuple(map(tuple, axes)), layout.stored)
    x = numbered(layout.logical_shape)
    assert same(symbolic.apply(x), layout.apply(x))


# Inverse and composition


@given(layouts())
def test_inverse_is_an_involution_that_takes_back(layout: Layout) -> None:
    x = numbered(layout.logical_shape)
    back = layout.inverse()
    assert same(back.apply(layout.apply(x)), x)
    assert back.inverse() == layout
    assert layout.compose(back).is_identity


@given(layouts(), st.data())
def test_compose_is_one_after_the_other(layout: Layout, data: st.DataObject) -> None:
    other = data.draw(layouts_of(layout.stored_shape))
    try:
        both = layout.compose(other)
    except ValueError:
        assume(False)
    x = numbered(layout.logical_shape)
    assert same(both.apply(x), other.apply(layout.apply(x)))
    assert both.inverse().same_array(other.inverse().compose(layout.inverse()))


def test_concatenated_parts_are_composed_in_turn() -> None:
    """Two orders of one part, of which it matters which comes first."""
    orders = [(1, 0, 2), (0, 2, 1)]
    lines = [Layout(((2, 2, 2),), (order,)) for order in orders]
    one, other = (Layout.concatenated([line, Layout.identity((3,))]) for line in lines)
    x = numbered((11,))
    assert same(one.compose(other).apply(x), other.apply(one.apply(x)))
    assert not same(one.compose(other).apply(x), other.compose(one).apply(x))


@given(layouts())
def test_plain_is_the_unit_of_composition(layout: Layout) -> None:
    assert Layout.identity(layout.logical_shape).compose(layout).same_array(layout)
    assert layout.compose(Layout.identity(layout.stored_shape)).same_array(layout)


@given(pairs())
def test_refine_cuts_both_into_the_same_atoms(pair: tuple[Layout, Layout]) -> None:
    refined = pair[0].refine(pair[1])
    assume(refined is not None)
    assert refined is not None
    x = numbered(pair[0].logical_shape)
    for before, after in zip(pair, refined, strict=True):
        assert same(after.apply(x), before.apply(x))
    sizes = [[getattr(atom, "size", atom) for atom in layout.atoms] for layout in refined]
    assert sizes[0] == sizes[1]


@given(layouts().flatmap(lambda one: st.tuples(st.just(one), restored(one))))
def test_layouts_of_the_same_atoms_can_be_refined(pair: tuple[Layout, Layout]) -> None:
    assert pair[0].refine(pair[1]) is not None


# The canonical form


@given(layouts())
def test_canonical_does_the_same_and_is_its_own(layout: Layout) -> None:
    x = numbered(layout.logical_shape)
    canonical = layout.canonical()
    assert same(canonical.apply(x), layout.apply(x))
    assert canonical.canonical() == canonical
    assert len(canonical.atoms) <= len(layout.atoms)


@given(shapes().flatmap(lambda s: st.tuples(layouts_of(s, False), layouts_of(s, False))))
def test_canonical_forms_differ_where_the_stores_do(pair: tuple[Layout, Layout]) -> None:
    one, two = pair
    x = numbered(one.logical_shape)
    a, b = one.apply(x), two.apply(x)
    assert (one.canonical() == two.canonical()) == same(a, b) == one.same_array(two)
    assert one.same_element_order(two) == same(a.ravel(), b.ravel())


@given(pairs())
def test_same_store_and_same_order_never_say_so_in_vain(pair: tuple[Layout, Layout]) -> None:
    one, two = pair
    x = numbered(one.logical_shape)
    assert not one.same_array(two) or same(one.apply(x), two.apply(x))
    assert not one.same_element_order(two) or same(one.apply(x).ravel(), two.apply(x).ravel())
    assert one.same_array(one)


@given(layouts())
def test_flat_is_the_bare_order(layout: Layout) -> None:
    x = numbered(layout.logical_shape)
    assert same(layout.flat().apply(x.ravel()), layout.apply(x).ravel())


@given(layouts())
def test_is_plain_says_whether_apply_does_nothing(layout: Layout) -> None:
    x = numbered(layout.logical_shape)
    assert layout.is_identity == same(layout.apply(x), x)


# Sizes of 0


@given(st.sampled_from(EMPTY_SHAPES).flatmap(lambda s: st.tuples(layouts_of(s), layouts_of(s))))
def test_no_elements_have_only_one_order(pair: tuple[Layout, Layout]) -> None:
    one, other = pair
    x = numbered(one.logical_shape)
    assert one.apply(x).shape == one.stored_shape
    assert same(one.undo(one.apply(x)), x)
    assert one.same_element_order(other)
    assert one.same_array(other) == (one.stored_shape == other.stored_shape)
    assert one.grouped((3, 0)) == Layout.identity((3, 0))
    assert one.grouped((None, 5)) == Layout.identity((0, 5))
    assert one.grouped((2, 3)) is one.grouped((0, None)) is None
