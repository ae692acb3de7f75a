"""The oracle of the golden tests must itself refuse what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.golden_cases import CASES, LOWEST, assert_close, case, cases


def test_every_case_is_whole() -> None:
    assert len(CASES) == 314
    for golden in CASES:
        assert golden.prototxt.is_file()
        assert {name: list(a.shape) for name, a in golden.inputs.items()} == golden.meta["inputs"]
        assert {name: list(a.shape) for name, a in golden.outputs.items()} == golden.meta["outputs"]


def test_cases_are_chosen_by_layer_and_tag() -> None:
    assert len(cases(layer="PReLU")) == 2
    assert {str(golden) for golden in cases(tagged={"alias"})} == {
        "alias_flatten_inplace",
        "alias_split_inplace",
    }
    assert len(cases(without={"ssd"})) + len(cases(tagged={"ssd"})) == len(CASES)
    assert case("absval").layers == {"Input", "AbsVal"}


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        ([[1.0]], [1.0]),
        ([1.0, 2.0004], [1.0, 2.0]),
        ([np.nan], [1.0]),
        ([1.0], [np.nan]),
        ([LOWEST, 1.1], [LOWEST, 1.0]),
        ([0.0, 1.0], [LOWEST, 1.0]),
    ],
    ids=["shape", "too far", "nan", "no nan", "hidden by an extreme", "extreme missing"],
)
def test_the_oracle_refuses(actual: list[float], expected: list[float]) -> None:
    with pytest.raises(AssertionError):
        assert_close(np.array(actual, np.float32), np.array(expected, np.float32))


def test_the_oracle_accepts_float32_noise() -> None:
    assert_close(np.array([LOWEST, np.nan, 2.0002]), np.array([LOWEST, np.nan, 2.0]))
