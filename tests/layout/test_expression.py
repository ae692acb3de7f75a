"""Expressions of sizes: whatever is done to them, they have the value of what they stand for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.layout.expression import added, expanded, factored, read, rounded, written

VALUES = {"h": 7, "w": 12, "n": 3}


def value(text: str) -> int:
    result: int = eval(text, {}, VALUES)
    return result


def texts() -> st.SearchStrategy[str]:
    leaves = st.sampled_from([*VALUES]) | st.integers(0, 9).map(str)

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        pairs = st.tuples(inner, st.sampled_from("+-*"), inner).map("({0[0]}{0[1]}{0[2]})".format)
        halves = st.tuples(inner, st.integers(1, 6)).map("({0[0]}//{0[1]})".format)
        return pairs | halves

    return st.recursive(leaves, larger, max_leaves=8)


@settings(max_examples=300)
@given(texts(), texts(), st.integers(1, 12))
def test_the_value_stays(one: str, other: str, divisor: int) -> None:
    first, second = read(one), read(other)
    assert first is not None
    assert second is not None
    sums = expanded(*first), expanded(*second)
    assert value(written(sums[0])) == value(one)
    assert value(written(added(sums))) == value(one) + value(other)
    assert value(written(rounded(sums[0], divisor))) == value(one) // divisor


@settings(max_examples=300)
@given(texts())
def test_what_is_written_is_read_again(text: str) -> None:
    product = read(text)
    assert product is not None
    terms = expanded(*product)
    assert factored(terms) == read(written(terms))


@settings(max_examples=300)
@given(texts(), texts())
def test_sums_are_equal_in_any_order(one: str, other: str) -> None:
    sums = [expanded(*(read(text) or (0, ()))) for text in (one, other)]
    assert written(added(sums)) == written(added(sums[::-1]))


@pytest.mark.parametrize(
    "text", ["", "h+", "(h", "h)", "h w", "f(h)", "h//0", "h//w", "h/2", "*h", "h//", "max(h, w)"]
)
def test_what_is_no_expression(text: str) -> None:
    assert read(text) is None
