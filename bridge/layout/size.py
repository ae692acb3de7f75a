"""Sizes of axes: numbers, and symbols for what is known only when the net runs.

A size is an `int`, or text: a product such as `"batch"`, `"6*batch"` or `"h*w"`. Whatever stands
in brackets, or is no product, is one symbol, of which nothing more is known. All functions give
one canonical spelling (the number first, symbols sorted), so that equal sizes are equal values.
A symbol is never taken for 1.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from math import prod
from typing import TypeAlias

Size: TypeAlias = int | str

_FACTOR = re.compile(r"[^\s*+/()-]+|\((?:[^()]|\([^()]*\))*\)")


def product(sizes: Iterable[Size]) -> Size:
    """The size of several axes laid into one: `product((2, "batch", 3)) == "6*batch"`."""
    sizes = tuple(sizes)
    symbols = [size for size in sizes if isinstance(size, str)]
    number = prod(size for size in sizes if not isinstance(size, str))
    if not symbols:
        return number
    terms = [_term(symbol) for symbol in symbols]
    return _spell(
        number * prod(factor for factor, _ in terms),
        [symbol for _, several in terms for symbol in several],
    )


@lru_cache(maxsize=4096)
def quotient(size: Size, divisor: Size) -> Size | None:
    """What times `divisor` gives `size`; None where nothing is sure to: `batch / 2`."""
    if not isinstance(size, str) and not isinstance(divisor, str):
        return None if size % divisor else size // divisor
    (number, symbols), (by, without) = _term(size), _term(divisor)
    left = Counter(symbols)
    left.subtract(without)
    if number % by or min(left.values(), default=0) < 0:
        return None
    return _spell(number // by, left.elements())


def total(sizes: Iterable[Size]) -> Size:
    """The size of several axes laid end to end: `total(("batch", "batch")) == "2*batch"`."""
    terms: Counter[tuple[str, ...]] = Counter()
    for number, symbols in map(_term, sizes):
        terms[symbols] += number
    spelt = [_spell(number, symbols) for symbols, number in sorted(terms.items(), reverse=True)]
    return spelt[0] if len(spelt) == 1 else "+".join(map(str, spelt))


def known_factor(size: Size) -> int:
    """The number by which a size is a multiple of its symbols: `known_factor("6*batch") == 6`."""
    return _term(size)[0]


@lru_cache(maxsize=1024)
def _term(size: Size) -> tuple[int, tuple[str, ...]]:
    """A size as a number times symbols, sorted."""
    if not isinstance(size, str):
        return size, ()
    factors = _FACTOR.findall(size)
    if "*".join(factors) != size.replace(" ", ""):
        return 1, (f"({size})",)
    numbers = [int(factor) for factor in factors if factor.isdecimal()]
    return prod(numbers), tuple(sorted(factor for factor in factors if not factor.isdecimal()))


def _spell(number: int, symbols: Iterable[str]) -> Size:
    symbols = sorted(symbols)
    if not symbols:
        return number
    if number == 1 and len(symbols) == 1:
        return symbols[0].removeprefix("(").removesuffix(")")
    return "*".join([str(number)] * (number != 1) + symbols)


Cuts: TypeAlias = list[list[Size]]


def common_cuts(one: Iterable[Size], two: Iterable[Size]) -> tuple[Cuts, Cuts] | None:
    """Two factorings of one size, cut at each other's borders into the same pieces:
    `common_cuts((6, 4), (3, 8)) == ([[3, 2], [4]], [[3], [2, 4]])`.

    None where a border falls inside of a piece, as with (2, 3) and (3, 2), and where the sizes
    differ. There are no sizes of 1.
    """
    left, right = list(one), list(two)
    cuts: tuple[Cuts, Cuts] = [[] for _ in left], [[] for _ in right]
    while left and right:
        piece = left[-1] if quotient(right[-1], left[-1]) else right[-1]
        for rest, pieces in ((left, cuts[0]), (right, cuts[1])):
            outer = quotient(rest[-1], piece)
            if outer is None:
                return None
            pieces[len(rest) - 1].insert(0, piece)
            rest[-1:] = [] if outer == 1 else [outer]
    return None if left or right else cuts
