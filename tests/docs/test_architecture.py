"""docs/architecture.md: its example is run, and its figure names every part of the package."""

from __future__ import annotations

from pathlib import Path

import pytest

import bridge
from tests.docs.pages import assert_prints_what_it_says

ROOT = Path(bridge.__file__).parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_each_block_of_python_prints_what_stands_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert_prints_what_it_says(PAGE, blocks=4)


def test_every_part_of_the_package_stands_in_the_figure() -> None:
    figure = PAGE.rpartition("## Folders")[2]
    parts = {path.stem for path in (ROOT / "bridge").iterdir() if path.suffix in ("", ".py")}
    assert {part for part in parts if part not in figure} <= {"__pycache__"}
