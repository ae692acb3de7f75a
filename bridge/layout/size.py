"""Sizes of axes: numbers, and expressions of sizes that are known only at run time.

A size is an `int`, or a string: a symbol such as `"batch"`, or an expression of `+`, `-`, `*`, `//`
(rounded down) and brackets, as `"6*batch"` or `"h*((w+1)//2)"`. What is none is one opaque symbol.
All functions return one canonical spelling, so that equal sizes are, as far as that can be told,
equal values. A symbol is never assumed to be 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from math import prod
from typing import TypeAlias

from bridge.layout.cached import cached
from bridge.layout.expression import (
    Product,
    added,
    expanded,
    factored,
    in_order,
    read,
    rounded,
    written_product,
)

Size: TypeAlias = int | str


@cached
def product(sizes: Iterable[Size]) -> Size:
    """The size of several axes merged into one: `product((2, "batch", 3)) == "6*batch"`."""
    factors = [_factors(size) for size in sizes]
    number = prod(number for number, _ in factors)
    return _spelled((number, in_order(atom for _, atoms in factors for atom in atoms)))


@lru_cache(maxsize=4096)
def quotient(size: Size, divisor: Size) -> Size | None:
    """`size / divisor`; None if it is not known to be a whole number: `batch / 2`, `0 / 0`."""
    if divisor == 0:
        return None
    if not isinstance(size, str) and not isinstance(divisor, str):
        return None if size % divisor else size // divisor
    (number, atoms), (divisor_number, divisor_atoms) = _factors(size), _factors(divisor)
    remaining = Counter(atoms)
    remaining.subtract(divisor_atoms)
    if number % divisor_number or min(remaining.values(), default=0) < 0:
        return None
    return _spelled((number // divisor_number, in_order(remaining.elements())))


@cached
def total(sizes: Iterable[Size]) -> Size:
    """The size of several axes concatenated: `total(("batch", "batch")) == "2*batch"`.

    Negative numbers are welcome: `total(("h", -1)) == "h-1"`.
    """
    return _spelled(factored(added(expanded(*_factors(size)) for size in sizes)))


@lru_cache(maxsize=4096)
def rounded_quotient(size: Size, divisor: int) -> Size:
    """`size / divisor`, rounded down: `rounded_quotient("h", 2) == "h//2"`. The divisor is above 0.

    What is whole comes out of the rounding: (4 h + 3) // 2 is 2 h + 1.
    """
    return _spelled(factored(rounded(expanded(*_factors(size)), divisor)))


def canonical(size: Size) -> Size:
    """The canonical spelling of a size."""
    return product((size,))


def known_factor(size: Size) -> int:
    """The numeric factor of a size: `known_factor("6*batch") == 6`."""
    return _factors(size)[0]


def _factors(size: Size) -> Product:
    if not isinstance(size, str):
        return size, ()
    return read(size) or (1, (f"({size})" if _is_several(size) else size,))


def _is_several(size: str) -> bool:
    """Whether an opaque symbol needs brackets where it is a factor."""
    return any(character in size for character in "+-*/ \t")


def _spelled(factors: Product) -> Size:
    number, atoms = factors
    if not atoms or not number:
        return number
    if len(atoms) == 1 and number == 1 and isinstance(atoms[0], str):
        return (
            atoms[0].removeprefix("(").removesuffix(")") if atoms[0].startswith("(") else atoms[0]
        )
    return written_product(number, atoms)


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
