"""Two streams of values, joined."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.check.run import Clock, in_step

Array = NDArray[np.float32]


def stream(names: str, sign: int, log: list[str]) -> Iterator[tuple[str, Array]]:
    for name in names:
        log.append(name if sign > 0 else name.upper())
        yield name, np.float32([sign * ord(name)])


def aligned(one: str, other: str) -> tuple[list[str], list[str]]:
    log: list[str] = []
    pairs = []
    for name, a, b in in_step(stream(one, 1, log), stream(other, -1, log)):
        assert (a[0], b[0]) == (ord(name), -ord(name))
        pairs.append(name)
    return pairs, log


@pytest.mark.parametrize(
    ("one", "other"), [("abc", "abc"), ("abc", "cba"), ("abc", "bca"), ("", ""), ("abcd", "bd")]
)
def test_each_value_of_both_is_given_once(one: str, other: str) -> None:
    pairs, _ = aligned(one, other)
    assert sorted(pairs) == sorted(set(one) & set(other))


def test_values_in_one_order_are_not_kept() -> None:
    _, log = aligned("abc", "abc")
    assert log == ["a", "A", "b", "B", "c", "C"]


def test_the_side_that_lags_is_asked_next() -> None:
    """One gives its last value first: the other one is followed until that comes."""
    _, log = aligned("dabc", "abcd")
    assert log == ["d", "A", "a", "B", "b", "C", "c", "D"]


def test_a_clock_passes_everything_on() -> None:
    clock = Clock()
    log: list[str] = []
    assert [name for name, _ in clock.timed(stream("abc", 1, log))] == ["a", "b", "c"]
    assert clock.seconds > 0
