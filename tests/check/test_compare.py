"""Comparing two arrays, also where they hold what is no ordinary number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bridge.check.compare import BLOCK, LOWEST, compare, tolerance, worst


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_the_tolerance_is_that_of_the_golden_cases() -> None:
    assert tolerance(floats(1, -3)) == pytest.approx(4e-4)
    assert tolerance(floats()) == pytest.approx(1e-4)
    assert tolerance(np.array([True, False])) == pytest.approx(2e-4)


def test_extremes_do_not_widen_the_tolerance() -> None:
    extremes = floats(1, np.nan, np.inf, -np.inf, LOWEST)
    assert tolerance(extremes) == pytest.approx(2e-4)


def test_the_greatest_difference_and_where_it_is() -> None:
    expected = np.zeros((2, 3), np.float32)
    received = expected.copy()
    received[0, 1], received[1, 2] = 0.25, -0.5
    row = compare("y", expected, received)
    assert (row.error, row.place, row.ok) == (0.5, (1, 2), False)


def test_a_difference_at_the_limit_is_let_through() -> None:
    assert compare("y", np.zeros(2), np.array([1e-4, 0])).ok
    assert not compare("y", np.zeros(2), np.array([1.01e-4, 0])).ok


def test_another_shape_is_never_equal() -> None:
    row = compare("y", np.zeros((2, 3)), np.zeros((3, 2)))
    assert (row.error, row.ok) == (np.inf, False)
    assert (row.expected_shape, row.received_shape) == ((2, 3), (3, 2))


@pytest.mark.parametrize("extreme", [np.nan, np.inf, -np.inf, LOWEST])
def test_an_extreme_must_stand_on_both_sides(extreme: float) -> None:
    with_it, without = floats(0, extreme, 1), floats(0, 0, 1)
    assert compare("y", with_it, with_it).ok
    for pair in ((with_it, without), (without, with_it)):
        row = compare("y", *pair)
        assert (row.error, row.place, row.ok) == (np.inf, (1,), False)


def test_infinities_of_different_sign_differ() -> None:
    assert not compare("y", floats(np.inf), floats(-np.inf)).ok


def test_extremes_are_counted() -> None:
    row = compare("y", floats(np.nan, np.inf, 1), floats(np.nan, 0, 1))
    assert row.not_finite == (2, 1)


def test_a_difference_beyond_the_first_block_is_found() -> None:
    expected = np.zeros(BLOCK + 5, np.float32)
    received = expected.copy()
    received[BLOCK + 3] = 1
    assert compare("y", expected, received).place == (BLOCK + 3,)


def test_nothing_is_equal_to_nothing() -> None:
    assert compare("y", np.zeros((0, 3)), np.zeros((0, 3))).ok


def test_integers_and_truth_values() -> None:
    assert compare("y", np.array([2**40, -1]), np.array([2**40, -1])).ok
    assert not compare("y", np.array([True, False]), np.array([True, True])).ok


def test_relative_error_and_cosine() -> None:
    row = compare("y", floats(10, 0), floats(11, 0))
    assert row.relative == pytest.approx(0.1)
    assert row.cosine == pytest.approx(1)
    assert compare("y", floats(1, 0), floats(0, 1)).cosine == 0


def test_the_worst_of_several() -> None:
    rows = [compare("y", np.zeros(1), np.array([error])) for error in (0.1, 0.3, 0.2)]
    assert worst(rows) is rows[1]


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ((), ""),
        (("conv (Conv)",), "conv (Conv)"),
        (("a", "b", "c", "d", "e", "f"), "a, b, c, d, e, f"),
        (("a", "b", "c", "d", "e", "f", "g"), "a, 5 more, g"),
    ],
)
def test_of_many_layers_the_ends_are_named(layers: tuple[str, ...], words: str) -> None:
    row = replace(compare("y", np.zeros(2), np.zeros(2)), layers=layers)
    assert row.computed_by == words
