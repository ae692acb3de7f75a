"""What each class of operators is held to."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.check.compare import Row, compare, tolerance
from bridge.check.tolerance import CHOOSES, CLASSES, COMPUTES, COPIES, class_of, limit


@pytest.mark.parametrize(
    ("operators", "kind"),
    [
        ({"MaxPool"}, COPIES),
        ({"Relu", "Reshape", "Concat"}, COPIES),
        ({"Conv"}, COMPUTES),
        ({"Conv", "Relu"}, COMPUTES),
        ({"Pooling"}, COMPUTES),  # Caffe's may be an average
        ({"ArgMax"}, CHOOSES),
        (set(), COMPUTES),
    ],
)
def test_layers_in_a_row_are_of_the_class_that_holds_all(operators: set[str], kind: object) -> None:
    assert class_of(operators) is kind


def test_no_operator_is_of_two_classes() -> None:
    names = [name for each in CLASSES for name in each.operators]
    assert len(names) == len(set(names))


def row(error: float, size: float = 1.0) -> Row:
    return Row("y", (1,), (1,), error, tolerance(np.array([size])))


def test_what_copies_adds_only_noise_to_what_it_was_given() -> None:
    assert limit(row(0), COPIES, [row(1e-5)]) == pytest.approx(1e-5 + 2e-6)
    assert limit(row(0), COPIES, []) == pytest.approx(2e-6)


def test_a_swap_of_near_numbers_is_found() -> None:
    one = np.float32([1.0, 1.00005])
    swapped = compare("y", one, one[::-1])
    assert swapped.ok
    assert swapped.error > limit(swapped, COPIES, [row(0)])


def test_no_class_is_allowed_more_than_a_sum() -> None:
    for kind in CLASSES:
        assert limit(row(0), kind, [row(1e-4)]) <= row(0).limit


def test_behind_a_layer_that_differs_nothing_is_told_by_its_inputs() -> None:
    assert limit(row(0), COPIES, [row(3.0)]) == row(0).limit


def test_positions_are_whole_numbers() -> None:
    assert limit(row(0, 1e6), CHOOSES, []) == 0.5
