"""scripts/mutations: that each fault can be seeded, and that one that nobody sees is told."""

from __future__ import annotations

import ast
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def mutations(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("mutations")


def test_every_fault_still_fits_its_file(mutations: ModuleType, tmp_path: Path) -> None:
    assert len({fault.name for fault in mutations.FAULTS}) == len(mutations.FAULTS) >= 12
    for fault in mutations.FAULTS:
        path = tmp_path / fault.file
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(mutations.PACKAGE / fault.file, path)
        fault.seed(tmp_path)
        before = (mutations.PACKAGE / fault.file).read_text(encoding="utf-8")
        assert ast.dump(ast.parse(path.read_text(encoding="utf-8"))) != ast.dump(ast.parse(before))


def test_a_fault_that_does_not_fit_is_an_error(mutations: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    with pytest.raises(ValueError, match=r"stale: a\.py has 'x = 2' not once"):
        mutations.Fault("stale", "a.py", "x = 2", "x = 3", ()).seed(tmp_path)


FAULT = "a Concatenated is composed in the opposite order"


def test_a_fault_is_seen_by_a_test_that_holds_without_it(mutations: ModuleType) -> None:
    (fault,) = (candidate for candidate in mutations.FAULTS if candidate.name == FAULT)
    tests = ["tests/laws/test_layout_laws.py::test_concatenated_parts_are_composed_in_turn"]
    assert mutations.run(tests).failed is None
    assert "composed_in_turn" in mutations.run(tests, fault).failed


def test_a_survivor_is_told_and_is_the_exit_status(
    mutations: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mutations, "run", lambda tests, fault=None: mutations.Outcome(None, 1.0))
    monkeypatch.setattr(sys, "argv", ["mutations", FAULT])
    with pytest.raises(SystemExit) as stopped:
        mutations.main()
    assert stopped.value.code == 1
    printed = capsys.readouterr().out
    assert f"NOT SEEN by {', '.join(mutations.ALGEBRA)}" in printed
    assert "0 of 1 faults were seen" in printed
