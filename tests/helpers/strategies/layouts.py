"""Layouts to draw from: whole axes in any order, atoms in any order, joined axes, ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, permutations

from hypothesis import strategies as st

from bridge.layout import Layout, Size

SHUFFLED = (4, 6, 8)  # sizes of several factors
MOST_AXES = 5  # more than most of TensorFlow's kernels do not take


def factorings(size: Size, most: int = 3) -> list[tuple[Size, ...]]:
    """Every way to write a size as a product of up to `most` factors above 1, in order."""
    if isinstance(size, str) or size == 1 or most == 1:
        return [(size,)]
    divisors = [divisor for divisor in range(2, size) if size % divisor == 0]
    tails = [(first, *rest) for first in divisors for rest in factorings(size // first, most - 1)]
    return [(size,), *tails]


@st.composite
def shuffled(draw: st.DrawFn, size: int) -> Layout:
    """An axis cut into atoms, which lie in another order than they have."""
    atoms = draw(st.sampled_from(factorings(size)[1:]))
    order = draw(st.sampled_from(list(permutations(range(len(atoms))))[1:]))
    if draw(st.integers(0, 9)) == 0:
        atoms, order = (*atoms, 1), (*order, len(atoms))
    return Layout((atoms,), (order,))


@st.composite
def concatenated(draw: st.DrawFn, size: int) -> Layout:
    """An axis of parts in inner orders of their own, as Concat leaves it."""
    first = draw(st.sampled_from([part for part in SHUFFLED if part < size]))
    parts = [draw(shuffled(first)), draw(axes(size - first))]
    return Layout.concatenated(parts if draw(st.booleans()) else parts[::-1])


def axes(size: Size) -> st.SearchStrategy[Layout]:
    """An axis by itself, in any inner order."""
    orders = [st.just(Layout.identity((size,)))]
    if size in SHUFFLED:
        orders += [shuffled(size)] * 2
    if isinstance(size, int) and size > min(SHUFFLED):
        orders += [concatenated(size)]
    return st.sampled_from(orders).flatmap(lambda order: order)


@st.composite
def whole(draw: st.DrawFn, shape: Sequence[Size]) -> Layout:
    """Each axis on one stored axis, in any inner order."""
    parts = [draw(axes(size)) for size in shape]
    return Layout.product(parts, draw(orders(len(shape))))


@st.composite
def orders(draw: st.DrawFn, rank: int) -> tuple[int, ...]:
    """Axes as they are, with the channels last, or in any order."""
    plain = tuple(range(rank))
    last = (0, *range(2, rank), 1) if rank > 2 else plain
    leading = st.permutations(plain[1:]).map(lambda rest: (*plain[:1], *rest))
    anyhow = st.permutations(plain).map(tuple)
    return draw(st.one_of(st.just(plain), st.just(last), leading, anyhow))


@st.composite
def scattered(draw: st.DrawFn, shape: Sequence[Size]) -> Layout:
    """Atoms in any order and in any groups: axes that lie split, or share a stored axis."""
    parts = [draw(axes(size)) for size in shape]
    atoms = tuple(atom for part in parts for atom in part.atoms)
    order = draw(orders(len(atoms)))
    cuts = draw(st.sets(st.integers(1, max(1, len(order) - 1)), max_size=MOST_AXES - 2))
    cuts |= draw(st.sampled_from([{1}, {1}, set()]))  # most often the batch lies by itself
    ends = sorted({0, len(order)} | {cut for cut in cuts if cut < len(order)})
    stored = tuple(order[start:end] for start, end in pairwise(ends))
    return Layout(tuple(part.atoms for part in parts), stored)


def layouts(shape: Sequence[Size]) -> st.SearchStrategy[Layout]:
    """Any layout of a tensor; where one axis has a symbol it most often leads."""
    if not shape:
        return st.just(Layout.identity(shape))
    return st.sampled_from([whole, whole, scattered]).flatmap(lambda kind: kind(shape))
