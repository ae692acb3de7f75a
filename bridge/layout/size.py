"""Sizes of axes: numbers, and symbols for sizes that are known only at run time.

A size is an `int`, or a string: a product such as `"batch"`, `"6*batch"` or `"h*(w+1)"`. A product
in brackets is that product; anything else in brackets, or that is no product, is one opaque symbol.
All functions return one canonical spelling (the number first, symbols sorted), so that equal sizes
are equal values. A symbol is never assumed to be 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from math import prod
from typing import TypeAlias

Size: TypeAlias = int | str


def product(sizes: Iterable[Size]) -> Size:
    """The size of several axes merged into one: `product((2, "batch", 3)) == "6*batch"`."""
    sizes = tuple(sizes)
    symbols = [size for size in sizes if isinstance(size, str)]
    number = prod(size for size in sizes if not isinstance(size, str))
    if not symbols or not number:
        return number
    terms = [_term(symbol) for symbol in symbols]
    return _spell(
        number * prod(coefficient for coefficient, _ in terms),
        [symbol for _, factors in terms for symbol in factors],
    )


@lru_cache(maxsize=4096)
def quotient(size: Size, divisor: Size) -> Size | None:
    """`size / divisor`; None if it is not known to be a whole number: `batch / 2`, `0 / 0`."""
    if divisor == 0:
        return None
    if not isinstance(size, str) and not isinstance(divisor, str):
        return None if size % divisor else size // divisor
    (number, symbols), (divisor_number, divisor_symbols) = _term(size), _term(divisor)
    remaining = Counter(symbols)
    remaining.subtract(divisor_symbols)
    if number % divisor_number or min(remaining.values(), default=0) < 0:
        return None
    return _spell(number // divisor_number, remaining.elements())


def total(sizes: Iterable[Size]) -> Size:
    """The size of several axes concatenated: `total(("batch", "batch")) == "2*batch"`."""
    terms: Counter[tuple[str, ...]] = Counter()
    for number, symbols in map(_term, sizes):
        terms[symbols] += number
    known = sorted(((symbols, n) for symbols, n in terms.items() if n), reverse=True)
    sizes = [_spell(number, symbols) for symbols, number in known] or [0]
    return sizes[0] if len(sizes) == 1 else "+".join(map(str, sizes))


def known_factor(size: Size) -> int:
    """The numeric factor of a size: `known_factor("6*batch") == 6`."""
    return _term(size)[0]


@lru_cache(maxsize=1024)
def _term(size: Size) -> tuple[int, tuple[str, ...]]:
    """A size as a number and its symbols, sorted."""
    if not isinstance(size, str):
        return size, ()
    factors = _factors(size)
    if factors is None:
        return 1, (f"({size})",)
    numbers = [int(factor) for factor in factors if factor.isdecimal()]
    return prod(numbers), tuple(sorted(factor for factor in factors if not factor.isdecimal()))


_OTHER_OPERATORS = frozenset("+-/ \t")


def _factors(size: str) -> list[str] | None:
    """The factors of a product, those of products in brackets too; None for what is no product."""
    depth, parts = 0, [""]
    for character in size.strip():
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "*" and not depth:
            parts.append("")
        else:
            parts[-1] += character
    factors: list[str] = []
    for part in map(str.strip, parts):
        if part.startswith("(") and part.endswith(")") and _is_enclosed(part):
            inner = _factors(part[1:-1])
            factors += [part] if inner is None else inner
        elif not part or depth or not _OTHER_OPERATORS.isdisjoint(part) or "(" in part:
            return None
        else:
            factors.append(part)
    return factors


def _is_enclosed(part: str) -> bool:
    """Whether the first bracket closes at the end."""
    depth = 0
    for character in part[:-1]:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            return False
    return True


def _spell(number: int, symbols: Iterable[str]) -> Size:
    symbols = sorted(symbols)
    if not symbols or not number:
        return number
    if number == 1 and len(symbols) == 1:
        return symbols[0].removeprefix("(").removesuffix(")")
    return "*".join([str(number)] * (number != 1) + symbols)


Cuts: TypeAlias = list[list[Size]]


def common_cuts(one: Iterable[Size], two: Iterable[Size]) -> tuple[Cuts, Cuts] | None:
    """Two factorisations of one size, each split at the other's borders into common factors:
    `common_cuts((6, 4), (3, 8)) == ([[3, 2], [4]], [[3], [2, 4]])`.

    None if there are no common factors, as for (2, 3) and (3, 2), and if the sizes differ. None of
    the sizes may be 1.
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
