"""Expressions of sizes that are known only at run time, in one canonical form.

A `Sum` is a polynomial whose variables are atoms: symbols, sums in brackets, and sums that are
divided by a number and rounded down. A `Product` is a number and its other factors, sorted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import gcd
from typing import TypeAlias

Terms: TypeAlias = "tuple[tuple[Atoms, int], ...]"


@dataclass(frozen=True)
class Bracket:
    """A sum that is a factor: no number and no atom divides all of its terms."""

    terms: Terms

    @cached_property
    def text(self) -> str:
        return f"({written(dict(self.terms))})"


@dataclass(frozen=True)
class Rounded:
    """A sum, divided and rounded down."""

    terms: Terms
    divisor: int

    @cached_property
    def text(self) -> str:
        inner = written(dict(self.terms))
        return f"({inner if _SYMBOL.fullmatch(inner) else f'({inner})'}//{self.divisor})"


Atom: TypeAlias = str | Bracket | Rounded
Atoms: TypeAlias = tuple[Atom, ...]
Product: TypeAlias = tuple[int, Atoms]
Sum: TypeAlias = Mapping[Atoms, int]

_SYMBOL = re.compile(r"[^\s+\-*/(),]+")
_TOKEN = re.compile(rf"//|[+\-*]|{_SYMBOL.pattern}")


# --- arithmetic -----------------------------------------------------------------------------------


def in_order(atoms: Iterable[Atom]) -> Atoms:
    return tuple(sorted(atoms, key=_text))


def added(sums: Iterable[Sum]) -> Sum:
    result: Counter[Atoms] = Counter()
    for terms in sums:
        for atoms, number in terms.items():
            result[atoms] += number
    return {atoms: number for atoms, number in result.items() if number}


def expanded(number: int, atoms: Atoms) -> Sum:
    """A product as a sum: its brackets multiplied out."""
    terms: Sum = {(): number} if number else {}
    for atom in atoms:
        inner: Terms = atom.terms if isinstance(atom, Bracket) else (((atom,), 1),)
        pairs = [(one, other, n * m) for one, n in terms.items() for other, m in inner]
        terms = added({in_order((*one, *other)): n} for one, other, n in pairs)
    return terms


def factored(terms: Sum) -> Product:
    """A sum as a product: what all terms share, and the rest in brackets."""
    if len(terms) < 2:
        return next(((n, atoms) for atoms, n in terms.items()), (0, ()))
    number = gcd(*terms.values())
    first, *others = (Counter(atoms) for atoms in terms)
    for other in others:
        first &= other
    rest = {
        in_order((Counter(atoms) - first).elements()): n // number for atoms, n in terms.items()
    }
    return number, in_order((*first.elements(), Bracket(_sorted(rest))))


def rounded(terms: Sum, divisor: int) -> Sum:
    """A sum, divided and rounded down; what is whole comes out of the rounding."""
    whole = {atoms: n // divisor for atoms, n in terms.items() if n // divisor}
    rest = {atoms: n % divisor for atoms, n in terms.items() if n % divisor}
    common = gcd(divisor, *(n for atoms, n in rest.items() if atoms))
    reduced = {atoms: n // common for atoms, n in rest.items()}
    inner, divisor = _of_rounded(reduced, divisor // common)
    if divisor == 1 or not any(inner):
        return added((whole, inner if divisor == 1 else {}))
    return added((whole, {(Rounded(_sorted(inner), divisor),): 1}))


def _of_rounded(terms: Sum, divisor: int) -> tuple[Sum, int]:
    """(x // a + t) // b is (x + a t) // (a b), where t is a whole number."""
    for atoms, number in _sorted(terms):
        if number == len(atoms) == 1 and isinstance(inner := atoms[0], Rounded):
            others = {a: inner.divisor * n for a, n in terms.items() if a != atoms}
            return added((dict(inner.terms), others)), inner.divisor * divisor
    return terms, divisor


# --- text -----------------------------------------------------------------------------------------


def written(terms: Sum) -> str:
    """Symbols first and the number last: `"h*w+h-1"`."""
    parts = [written_product(number, atoms) for atoms, number in _sorted(terms)]
    signed = (part if part.startswith("-") else f"+{part}" for part in parts)
    return "".join(signed).removeprefix("+") or "0"


def written_product(number: int, atoms: Atoms) -> str:
    """The number first, then the atoms in order: `"6*batch*(h+1)"`."""
    if not atoms or not number:
        return str(number)
    factors = [*([str(abs(number))] if abs(number) != 1 else []), *map(_text, atoms)]
    if len(factors) == 1 and not isinstance(atoms[0], str) and number == 1:
        factors = [factors[0][1:-1]]
    return "-" * (number < 0) + "*".join(factors)


def _text(atom: Atom) -> str:
    return atom if isinstance(atom, str) else atom.text


def _sorted(terms: Sum) -> Terms:
    return tuple(sorted(terms.items(), key=lambda term: [*map(_text, term[0])], reverse=True))


@lru_cache(maxsize=4096)
def read(text: str) -> Product | None:
    """The expression in a text, None if there is none."""
    tokens = _tokens(text)
    if not tokens:
        return None
    reader = _Reader(tokens)
    terms = reader.sum()
    return None if reader.tokens or terms is None else factored(terms)


Token: TypeAlias = str | Product
"""A number, a symbol, an operator, or what is in brackets."""


def _tokens(text: str) -> list[Token] | None:
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
        elif text[position] == "(":
            end = _closing(text, position)
            inner = text[position + 1 : end]
            if end == len(text):
                return None
            # What is in brackets and no expression is one opaque symbol.
            tokens.append(read(inner) or (1, (f"({inner})",)))
            position = end + 1
        elif match := _TOKEN.match(text, position):
            tokens.append(match[0])
            position = match.end()
        else:
            return None
    return tokens


def _closing(text: str, start: int) -> int:
    """The position of the bracket that closes the one at `start`, or the end."""
    depth = 0
    for position in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if not depth:
            return position
    return len(text)


class _Reader:
    """Reads a sum, token by token. None stands for what is no expression of sizes."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = [*reversed(tokens)]

    def _next_is(self, *tokens: str) -> bool:
        return bool(self.tokens) and self.tokens[-1] in tokens

    def sum(self) -> Sum | None:
        terms = self._product()
        while terms is not None and self._next_is("+", "-"):
            sign = 1 if self.tokens.pop() == "+" else -1
            other = self._product()
            if other is None:
                return None
            number, atoms = factored(other)
            terms = added((expanded(*factored(terms)), expanded(sign * number, atoms)))
        return terms

    def _product(self) -> Sum | None:
        terms = self._factor()
        while terms is not None and self._next_is("*", "//"):
            operator, other = self.tokens.pop(), self._factor()
            if other is None:
                return None
            if operator == "*":
                (number, atoms), (factor, others) = factored(terms), factored(other)
                terms = {in_order((*atoms, *others)): number * factor} if number * factor else {}
            elif [*other] == [()] and other[()] > 0:
                terms = rounded(expanded(*factored(terms)), other[()])
            else:
                return None
        return terms

    def _factor(self) -> Sum | None:
        token = self.tokens.pop() if self.tokens else ""
        if token == "-":
            terms = self._factor()
            return None if terms is None else {atoms: -n for atoms, n in terms.items()}
        # A symbol before a bracket is a function, and two symbols are no expression.
        if self.tokens and self.tokens[-1] not in _OPERATORS:
            return None
        if isinstance(token, tuple):
            number, atoms = token
            return {atoms: number} if number else {}
        if token.isdecimal():
            return {(): int(token)} if int(token) else {}
        return {(token,): 1} if _SYMBOL.fullmatch(token) else None


_OPERATORS = frozenset(("+", "-", "*", "//"))
