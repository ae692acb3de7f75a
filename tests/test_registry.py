"""Rules under names, by version."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import NamedTuple

import pytest

from bridge.errors import UsageError
from bridge.registry import AnyRule, Registry, import_rules, mismatch


class Entry(NamedTuple):
    rule: AnyRule


def first() -> None: ...


def second() -> None: ...


@pytest.fixture
def registry() -> Registry[Entry]:
    registry = Registry[Entry]("raises", "operator")
    registry.register(["Softmax"], Entry, 13)(second)
    registry.register(["Softmax", "Relu"], Entry)(first)
    return registry


def test_the_newest_rule_that_is_not_above_the_version(registry: Registry[Entry]) -> None:
    entries = [registry.find("Softmax", version) for version in (0, 1, 12, 13, 21)]
    assert [entry and entry.rule for entry in entries] == [None, first, first, second, second]
    assert [since for since, _ in registry.versions("Softmax")] == [1, 13]
    assert registry["Softmax"].rule is second


def test_an_unknown_name(registry: Registry[Entry]) -> None:
    assert (registry.find("Gelu", 20), registry.versions("Gelu")) == (None, ())
    assert "Gelu" not in registry
    assert (list(registry), len(registry)) == (["Softmax", "Relu"], 2)


def test_a_second_rule_for_the_same_version_is_refused(registry: Registry[Entry]) -> None:
    with pytest.raises(UsageError, match="the operator 'Softmax' has a rule already") as refusal:
        registry.register(["Softmax"], Entry, 13)(first)
    assert refusal.value.received == f"{__name__} and {__name__}"
    assert registry["Softmax"].rule is second


@pytest.mark.parametrize("names", [(), (1,)])
def test_a_rule_for_nothing_is_refused(registry: Registry[Entry], names: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="needs the names that the rule is for"):
        registry.register(names, Entry)


def test_every_module_below_a_package_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = tmp_path / "some_rules" / "family"
    family.mkdir(parents=True)
    for folder in (family.parent, family):
        (folder / "__init__.py").touch()
    (family / "member.py").write_text("import sys; sys.some_rules_member = True")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("sys.some_rules_member", False, raising=False)
    import_rules("some_rules", [str(family.parent)])
    import sys

    assert sys.some_rules_member


def _rule(node: object, x: object, w: object, b: object = None, *, axis: int, to: int = 0) -> None:
    """Stands for a rule."""


def _any_number(node: object, *xs: object) -> None:
    """Stands for a rule of any number of inputs."""


@pytest.mark.parametrize(
    ("rule", "count", "options", "problem"),
    [
        (_rule, 3, ["axis", "clip"], "the attribute 'clip' is not supported"),
        (_rule, 1, ["z", "x", "axis"], "the attributes 'x', 'z' are not supported"),
        (_rule, 4, ["axis"], "4 inputs are not supported, only 3 inputs"),
        (_rule, 2, [], "the attribute 'axis' is missing"),
        (_rule, 0, ["axis"], "the inputs 'x', 'w' are missing"),
        (_any_number, 5, ["to"], "the attribute 'to' is not supported"),
    ],
)
def test_why_a_rule_cannot_be_called(
    rule: Callable[..., None], count: int, options: list[str], problem: str
) -> None:
    keywords = dict.fromkeys(options, 0)
    with pytest.raises(TypeError):
        signature(rule).bind(None, *range(count), **keywords)
    assert mismatch(signature(rule), 1, count, options, ("input", "attribute")) == problem
