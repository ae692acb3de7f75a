"""Layouts, and what is done to them, to draw from.

Shapes are drawn with equal sizes, with ones, and with distinct sizes: two axes of one size can
be swapped without a shape to show it, which is where faults of layouts hide.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from hypothesis import strategies as st

from bridge.layout import Concatenated, Layout

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
EMPTY_SHAPES = [(0,), (2, 0, 6), (0, 4, 4, 1)]
Array = np.ndarray[Any, Any]


def numbered(shape: Sequence[int | str]) -> Array:
    """Every element another number, so that equal arrays have equal elements everywhere."""
    sizes = [int(size) for size in shape]
    return np.arange(prod(sizes)).reshape(sizes)


def same(one: Array, two: Array) -> bool:
    return one.shape == two.shape and bool((one == two).all())


@st.composite
def cuts(draw: st.DrawFn, size: int) -> list[int]:
    """Factors of a size, in any order, with ones among them."""
    factors = [] if size else [0, draw(st.integers(1, 3))]
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
def concatenations(draw: st.DrawFn, size: int) -> Layout:
    """One axis, the concatenation of a part that is not plain, and of another if it is longer."""
    first = draw(st.sampled_from([part for part in (4, 6, 8) if part <= size]))
    outer = draw(st.sampled_from([2, first // 2]))
    twisted = Layout(((outer, first // outer),), ((1, 0),))
    rest = [draw(lines(size - first))] if first < size else []
    return Layout.concatenated(draw(st.permutations([twisted, *rest])))


@st.composite
def layouts_of(draw: st.DrawFn, shape: Sequence[int], concatenated: bool = True) -> Layout:
    """A layout of a tensor of this shape, any at all."""
    axes: list[tuple[int | str | Concatenated, ...]] = []
    for size in shape:
        if concatenated and size > 3 and draw(st.booleans()):
            axes.append(draw(concatenations(size)).axes[0])
        else:
            axes.append(tuple(draw(cuts(size))))
    order = draw(st.permutations(range(sum(map(len, axes)))))
    return Layout(tuple(axes), draw(groupings(order)))


def shapes() -> st.SearchStrategy[tuple[int, ...]]:
    return st.sampled_from(SHAPES)


def layouts(concatenated: bool = True) -> st.SearchStrategy[Layout]:
    return shapes().flatmap(lambda shape: layouts_of(shape, concatenated))


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
    sizes = [atom.size if isinstance(atom, Concatenated) else int(atom) for atom in layout.atoms]
    if draw(st.booleans()):
        sizes = draw(cuts(prod(sizes)))
    return tuple(prod(sizes[i] for i in group) for group in draw(groupings(range(len(sizes)))))


def elements(layout: Layout) -> list[int]:
    """Which element is at each position of the physical array: the definition, by counting.

    The last stored axis runs fastest; an atom's step in the tensor is the size of all atoms behind.
    """
    elements_, step, steps = [0], 1, []
    for atom in reversed(layout.atoms):
        size = atom.size if isinstance(atom, Concatenated) else int(atom)
        digits = inner(atom) if isinstance(atom, Concatenated) else list(range(size))
        steps.append([digit * step for digit in digits])
        step *= size
    steps.reverse()
    for atom in layout.order:
        elements_ = [element + offset for element in elements_ for offset in steps[atom]]
    return elements_


def inner(atom: Concatenated) -> list[int]:
    order: list[int] = []
    for part in atom.parts:
        order += [len(order) + element for element in elements(part)]
    return order
