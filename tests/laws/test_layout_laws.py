"""The laws of the layout algebra, over layouts drawn at random.

Shapes are drawn with equal sizes, with ones, and with distinct sizes: two axes of one size can
change places without any shape telling, which is where layout faults hide.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from bridge.layout import Joined, Layout, Moves, moves

SHAPES = [
    (),
    (1,),
    (12,),
    (10, 9),
    (4, 6),
    (6, 6),
    (2, 12, 1),
    (4, 4, 4),
    (2, 3, 6, 5),
    (1, 3, 3, 3),
    (4, 4, 4, 4),
    (2, 4, 6, 6),
    (1, 1, 1, 1),
    (1, 8, 1, 1),
    (2, 1, 4, 4),
]
Array = np.ndarray[Any, Any]


def numbered(shape: Sequence[int | str]) -> Array:
    """Every element another number, so that equal arrays have their elements in equal places."""
    sizes = [int(size) for size in shape]
    return np.arange(prod(sizes)).reshape(sizes)


def same(one: Array, two: Array) -> bool:
    return one.shape == two.shape and bool((one == two).all())


@st.composite
def cuts(draw: st.DrawFn, size: int) -> list[int]:
    """Factors of a size, in any order, with ones among them."""
    factors = []
    while size > 1:
        factor = draw(st.sampled_from([f for f in range(2, size + 1) if size % f == 0]))
        factors.append(factor)
        size //= factor
    ones = [1] * draw(st.integers(0 if factors else 1, 2 - bool(factors)))
    return list(draw(st.permutations(factors + ones)))


@st.composite
def groupings(draw: st.DrawFn, atoms: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Some atoms, in order, on stored axes: some alone, some together, some axes without any."""
    groups: list[list[int]] = [[]] * draw(st.integers(0, 1))
    for atom in atoms:
        if groups and draw(st.booleans()):
            groups[-1] = [*groups[-1], atom]
        else:
            groups.append([atom])
    return tuple(map(tuple, groups))


@st.composite
def lines(draw: st.DrawFn, size: int) -> Layout:
    """One logical axis on one stored axis."""
    factors = draw(cuts(size))
    return Layout((tuple(factors),), (tuple(draw(st.permutations(range(len(factors))))),))


@st.composite
def joineds(draw: st.DrawFn, size: int) -> Layout:
    """One axis, the concatenation of a part that is not plain, and of another if it is longer."""
    first = draw(st.sampled_from([part for part in (4, 6, 8) if part <= size]))
    outer = draw(st.sampled_from([2, first // 2]))
    twisted = Layout(((outer, first // outer),), ((1, 0),))
    rest = [draw(lines(size - first))] if first < size else []
    return Layout.joined(draw(st.permutations([twisted, *rest])))


@st.composite
def layouts_of(draw: st.DrawFn, shape: Sequence[int], joined: bool = True) -> Layout:
    """A layout of a tensor of this shape, any at all."""
    axes: list[tuple[int | str | Joined, ...]] = []
    for size in shape:
        if joined and size > 3 and draw(st.booleans()):
            axes.append(draw(joineds(size)).axes[0])
        else:
            axes.append(tuple(draw(cuts(size))))
    order = draw(st.permutations(range(sum(map(len, axes)))))
    return Layout(tuple(axes), draw(groupings(order)))


def shapes() -> st.SearchStrategy[tuple[int, ...]]:
    return st.sampled_from(SHAPES)


def layouts(joined: bool = True) -> st.SearchStrategy[Layout]:
    return shapes().flatmap(lambda shape: layouts_of(shape, joined))


def pairs() -> st.SearchStrategy[tuple[Layout, Layout]]:
    """Two layouts of one tensor, often enough of the same atoms."""
    return shapes().flatmap(lambda shape: st.tuples(layouts_of(shape), layouts_of(shape))) | (
        layouts().flatmap(lambda one: st.tuples(st.just(one), restored(one)))
    )


@st.composite
def restored(draw: st.DrawFn, layout: Layout) -> Layout:
    """The same atoms, stored in another way."""
    return Layout(layout.axes, draw(groupings(draw(st.permutations(layout.order)))))


@st.composite
def reshapes(draw: st.DrawFn, layout: Layout) -> tuple[int, ...]:
    """A shape of as many elements: often one that falls on atoms, else any."""
    sizes = [atom.size if isinstance(atom, Joined) else int(atom) for atom in layout.atoms]
    if draw(st.booleans()):
        sizes = draw(cuts(prod(sizes)))
    return tuple(prod(sizes[i] for i in group) for group in draw(groupings(range(len(sizes)))))


def elements(layout: Layout) -> list[int]:
    """Which element lies at each place of the store: another definition, by counting.

    The last stored axis runs fastest; an atom's step in the tensor is the size of all atoms behind.
    """
    places, step, steps = [0], 1, []
    for atom in reversed(layout.atoms):
        size = atom.size if isinstance(atom, Joined) else int(atom)
        digits = inner(atom) if isinstance(atom, Joined) else list(range(size))
        steps.append([digit * step for digit in digits])
        step *= size
    steps.reverse()
    for atom in layout.order:
        places = [place + offset for place in places for offset in steps[atom]]
    return places


def inner(joined: Joined) -> list[int]:
    order: list[int] = []
    for part in joined.parts:
        order += [len(order) + element for element in elements(part)]
    return order


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
        places = [place for place, atom in enumerate(axis) if isinstance(atom, int)]
        if places:
            axis[data.draw(st.sampled_from(places))] = f"s{i}"
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
    assert layout.compose(back).is_plain


@given(layouts(), st.data())
def test_compose_is_one_after_the_other(layout: Layout, data: st.DataObject) -> None:
    other = data.draw(layouts_of(layout.stored_shape))
    try:
        both = layout.compose(other)
    except ValueError:
        assume(False)
    x = numbered(layout.logical_shape)
    assert same(both.apply(x), other.apply(layout.apply(x)))
    assert both.inverse().same_store(other.inverse().compose(layout.inverse()))


def test_joined_parts_are_composed_in_turn() -> None:
    """Two orders of one part, of which it matters which comes first."""
    orders = [(1, 0, 2), (0, 2, 1)]
    lines = [Layout(((2, 2, 2),), (order,)) for order in orders]
    one, other = (Layout.joined([line, Layout.plain((3,))]) for line in lines)
    x = numbered((11,))
    assert same(one.compose(other).apply(x), other.apply(one.apply(x)))
    assert not same(one.compose(other).apply(x), other.compose(one).apply(x))


@given(layouts())
def test_plain_is_the_unit_of_composition(layout: Layout) -> None:
    assert Layout.plain(layout.logical_shape).compose(layout).same_store(layout)
    assert layout.compose(Layout.plain(layout.stored_shape)).same_store(layout)


@given(pairs())
def test_refine_cuts_both_into_the_same_atoms(pair: tuple[Layout, Layout]) -> None:
    refined = pair[0].refine(pair[1])
    assume(refined is not None)
    assert refined is not None
    x = numbered(pair[0].logical_shape)
    for before, after in zip(pair, refined, strict=True):
        assert same(after.apply(x), before.apply(x))
    sizes = [[getattr(atom, "size", atom) for atom in each.atoms] for each in refined]
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
    assert (one.canonical() == two.canonical()) == same(a, b) == one.same_store(two)
    assert one.same_order(two) == same(a.ravel(), b.ravel())


@given(pairs())
def test_same_store_and_same_order_never_say_so_in_vain(pair: tuple[Layout, Layout]) -> None:
    one, two = pair
    x = numbered(one.logical_shape)
    assert not one.same_store(two) or same(one.apply(x), two.apply(x))
    assert not one.same_order(two) or same(one.apply(x).ravel(), two.apply(x).ravel())
    assert one.same_store(one)


@given(layouts())
def test_flat_is_the_bare_order(layout: Layout) -> None:
    x = numbered(layout.logical_shape)
    assert same(layout.flat().apply(x.ravel()), layout.apply(x).ravel())


@given(layouts())
def test_is_plain_says_whether_apply_does_nothing(layout: Layout) -> None:
    x = numbered(layout.logical_shape)
    assert layout.is_plain == same(layout.apply(x), x)


# Relabellings: nothing moves


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
    grouped = layout.grouped(data.draw(reshapes(Layout.plain((prod(shape),)))))
    assert grouped is not None
    assert grouped.same_order(layout)


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
    heavy = [axes for axes, size in zip(held, grouped.stored_shape, strict=True) if size != 1]
    assert all(one != two for one, two in pairwise(heavy))


@given(layouts(), st.data())
def test_inserted_adds_an_axis_of_its_own(layout: Layout, data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, layout.rank))
    inserted = layout.inserted(axis)
    x = numbered(layout.logical_shape)
    place = inserted.where(axis)
    assert place is not None
    assert same(inserted.apply(np.expand_dims(x, axis)), np.expand_dims(layout.apply(x), place))
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


# Places


@given(layouts(), st.data())
def test_where_and_axis_agree_with_slicing(layout: Layout, data: st.DataObject) -> None:
    """A slice of the tensor along an axis with a place is a slice of the store along the place."""
    whole = [axis for axis in range(layout.rank) if layout.where(axis) is not None]
    assume(whole)
    axis = data.draw(st.sampled_from(whole))
    place, line = layout.where(axis), layout.axis(axis)
    assert place is not None
    x = numbered(layout.logical_shape)
    order = line.apply(np.arange(x.shape[axis]))
    assert line.where(0) == 0
    for at, element in enumerate(order):
        taken = {*x.take(element, axis).ravel().tolist()}
        assert {*layout.apply(x).take(at, place).ravel().tolist()} == taken


@given(layouts())
def test_where_finds_every_axis_that_slicing_finds(layout: Layout) -> None:
    """None is said only where no stored axis of that size has the same slices."""
    x = numbered(layout.logical_shape)
    stored = layout.apply(x)
    for axis in range(layout.rank):
        if layout.where(axis) is None and x.shape[axis] != 1:
            slices = parted(x, axis)
            assert all(parted(stored, place) != slices for place in range(stored.ndim))


def parted(x: Array, axis: int) -> set[frozenset[int]]:
    return {frozenset(x.take(i, axis).ravel().tolist()) for i in range(x.shape[axis])}


@st.composite
def placed(draw: st.DrawFn) -> tuple[Layout, tuple[int, ...]]:
    """A product of lines, and the order in which they are stored."""
    shape = draw(shapes())
    parts = [draw(joineds(s) if s > 3 and draw(st.booleans()) else lines(s)) for s in shape]
    order = tuple(draw(st.permutations(range(len(shape)))))
    return Layout.product(parts, order), order


@given(placed())
def test_product_puts_each_part_on_its_place(case: tuple[Layout, tuple[int, ...]]) -> None:
    layout, order = case
    places = [layout.where(axis) for axis in order]
    assert places == list(range(layout.rank))
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
    places = tuple(place for axis in axes if (place := layout.where(axis)) is not None)
    left = layout.dropped(axes)
    assert same(left.apply(x.sum(tuple(axes))), layout.apply(x).sum(places))


@given(layouts(), st.data())
def test_dropped_holds_for_every_axis_with_a_place(layout: Layout, data: st.DataObject) -> None:
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
    place = layout.where(axis)
    resized = layout.resized(axis, size)
    assert place is not None
    assert resized.where(axis) == place
    assert resized.axis(axis).is_plain
    x = numbered(layout.logical_shape)
    weight = np.arange(size * x.shape[axis]).reshape(size, -1)
    ordered = weight[:, layout.axis(axis).apply(np.arange(x.shape[axis]))]
    assert same(resized.apply(along(axis, weight, x)), along(place, ordered, layout.apply(x)))


def along(axis: int, weight: Array, x: Array) -> Array:
    return np.moveaxis(np.tensordot(weight, x, (1, axis)), 0, axis)


# Concatenation


@given(st.lists(st.sampled_from([1, 2, 4, 6]).flatmap(lines), min_size=1, max_size=4))
def test_joined_is_a_concatenation(parts: list[Layout]) -> None:
    x = numbered([sum(int(part.logical_shape[0]) for part in parts)])
    ends = np.cumsum([part.logical_shape[0] for part in parts])[:-1]
    stored = [part.apply(x) for part, x in zip(parts, np.split(x, ends), strict=True)]
    joined = Layout.joined(parts)
    assert same(joined.apply(x), np.concatenate(stored))
    assert joined.is_plain == all(part.is_plain for part in parts)
    assert Layout.joined([joined]).same_store(joined)
    assert Layout.joined([*parts[:1], Layout.joined(parts[1:])] if parts[1:] else parts) == joined


@given(placed(), st.data())
def test_concat_of_tensors_along_an_axis(
    case: tuple[Layout, tuple[int, ...]], data: st.DataObject
) -> None:
    layout, order = case
    assume(layout.rank)
    axis = data.draw(st.integers(0, layout.rank - 1))
    line = data.draw(st.sampled_from([1, 3, 4]).flatmap(lines))
    parts = [layout.axis(i) for i in range(layout.rank)]
    place = layout.where(axis)

    def along(part: Layout) -> Layout:
        return Layout.product([*parts[:axis], part, *parts[axis + 1 :]], order)

    one, two = layout, along(line)
    x, y = numbered(one.logical_shape), -numbered(two.logical_shape)
    both = along(Layout.joined([parts[axis], line]))
    assert same(
        both.apply(np.concatenate([x, y], axis)),
        np.concatenate([one.apply(x), two.apply(y)], place),
    )


# Moves


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
    assert (plan.order is None) == have.same_order(want)
    assert (plan == Moves()) == have.same_store(want)
    if plan.order is not None:
        assert sorted(plan.order) == list(range(len(plan.order)))
        assert list(plan.order) != sorted(plan.order)
    if plan.before is not None:
        assert plan.before != have.stored_shape
    else:
        assert plan.after is None or plan.order is None or len(plan.order) == len(have.stored)


@given(layouts(joined=False))
def test_moves_to_the_plain_order_and_back_always_exist(layout: Layout) -> None:
    plain = Layout.plain(layout.logical_shape)
    assert moves(layout, plain) is not None
    assert moves(plain, layout) is not None


@given(layouts(joined=False), st.data())
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
    place = layout.where(0)
    assert place is not None
    first, rest = layout.stored[place], layout.stored
    return Layout(layout.axes, (first, *rest[:place], *rest[place + 1 :]))
