"""ONNX's own operator tests: right, or refused as docs/operators.md says. A sample of them in the
suite, and all of them nightly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.helpers.operator_cases import operator_cases, outcome_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operators.md"
ONE_IN = 12

pytestmark = [
    # ONNX computes the inputs and outputs of its tests when they are loaded, infinities among them.
    pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning"),
]


def listed() -> dict[str, str]:
    """What the page says of each test that is not right."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("## Refused")
    sections = zip(
        ("refused", "wrong"), rest.split("## Other numbers, or another dtype"), strict=True
    )
    return {
        name: status
        for status, section in sections
        for name in re.findall(r"^- `(\w+)`:", section, re.MULTILINE)
    }


def assert_as_the_page_says(names: list[str]) -> None:
    faults, statuses = {}, listed()
    for name in names:
        outcome = outcome_of(operator_cases()[name])
        if outcome.status != statuses.get(name, "right"):
            faults[name] = outcome
    assert not faults, "\n".join(f"{name}: {outcome}" for name, outcome in faults.items())


def test_the_page_has_every_test() -> None:
    text = PAGE.read_text(encoding="utf-8")
    counts = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    total = sum(int(of) for _, _, of in counts)
    right = sum(int(right) for _, right, _ in counts)
    assert total == len(operator_cases())
    assert {name for name, _, _ in counts} == {c.operator for c in operator_cases().values()}
    assert total - right == len(listed())
    assert f"**{right} of {total} are right.**" in text


def test_a_sample_is_as_the_page_says() -> None:
    assert_as_the_page_says([*operator_cases()][::ONE_IN])


@pytest.mark.nightly
def test_all_are_as_the_page_says() -> None:
    assert_as_the_page_says([*operator_cases()])
