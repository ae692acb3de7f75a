"""How far values change from run to run."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.check.draws import SAMPLE, Tally, Variation


def variation(*arrays: np.ndarray) -> float | None:
    tracker = Variation()
    for array in arrays:
        tracker.see("y", array)
    return tracker.of("y")


def test_it_is_the_greatest_difference_from_the_first_run() -> None:
    assert variation(np.zeros(3), np.array([0, 0.5, 0]), np.array([0, 0, -2])) == 2


def test_one_run_says_nothing() -> None:
    assert variation(np.zeros(3)) is None


def test_what_is_the_same_does_not_vary() -> None:
    assert variation(np.array([1.0, np.nan]), np.array([1.0, np.nan])) == 0


@pytest.mark.parametrize("other", [np.zeros((2, 2)), np.array([0, np.inf, 0])])
def test_another_shape_or_other_extremes_vary_without_bounds(other: np.ndarray) -> None:
    assert variation(np.zeros(3), other) == np.inf


def test_of_a_large_array_a_part_is_looked_at() -> None:
    large = np.zeros((4, SAMPLE))
    assert variation(large, large + 1) == 1
    assert variation(np.zeros((0, 4)), np.zeros((0, 4))) == 0


def test_rows_are_put_in_the_order_of_the_graph() -> None:
    tally = Tally()
    for name in "ba":
        tally.add(name, np.zeros(1), np.zeros(1))
    tally.order(["a", "b", "c"])
    assert tally.names == ["a", "b"]


def test_infinities_on_both_sides_do_not_vary() -> None:
    assert variation(np.array([1.0, np.inf]), np.array([3.0, np.inf])) == 2
