"""The strategies for all rules of the raise table, from the test modules of its modules."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from bridge.raising.table import TABLE
from tests.helpers.strategies.nodes import MODULES, REGISTERED, Key, Strategy

__all__ = ["MODULES", "STRATEGIES", "mirror_of"]


def mirror_of(module: str) -> str:
    """`bridge.raising.rules.spatial.conv` has `tests.raising.rules.spatial.test_conv`."""
    folders, _, name = module.removeprefix("bridge.").rpartition(".")
    return f"tests.{folders}.test_{name}"


def _collected() -> Mapping[Key, Strategy]:
    rules = (entry.rule for operator in TABLE for _, entry in TABLE.versions(operator))
    for module in sorted({rule.__module__ for rule in rules}):
        import_module(mirror_of(module))
    return REGISTERED


STRATEGIES = _collected()
