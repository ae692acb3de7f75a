"""Results that are cached."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from bridge.layout import Layout, cached


def test_equal_arguments_are_worked_out_once() -> None:
    calls = []

    @cached
    def total(numbers: Iterable[int], start: int) -> int:
        calls.append(start)
        return sum(numbers, start)

    assert total([1, 2], 3) == total((1, 2), 3) == total(iter([1, 2]), 3) == 6
    assert calls == [3]
    assert total([1, 2], 4) == 7
    assert calls == [3, 4]


def test_what_is_raised_is_raised_again() -> None:
    @cached
    def refuse(number: int) -> int:
        raise ValueError(number)

    for _ in range(2):
        with pytest.raises(ValueError, match="3"):
            refuse(3)


def test_equal_layouts_are_one() -> None:
    shape = ("batch", 3, 4, 5)
    one, other = (Layout.ordered(shape, (0, 2, 3, 1)) for _ in range(2))
    assert one is other
    assert one.grouped(["batch", 60]) is other.grouped(("batch", 60))


def test_a_text_is_no_sequence() -> None:
    assert cached(lambda size: size)("batch") == "batch"
