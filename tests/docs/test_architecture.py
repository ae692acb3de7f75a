"""docs/architecture.md: its example is run, and its figure names every part of the package."""

from __future__ import annotations

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

import bridge

ROOT = Path(bridge.__file__).parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
STEPS = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)


def test_each_block_of_python_prints_what_stands_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert len(STEPS) == PAGE.count("```python") == 4
    names: dict[str, object] = {}
    for code, expected in STEPS:
        printed = StringIO()
        with redirect_stdout(printed):
            exec(code, names)
        assert printed.getvalue() == expected


def test_every_part_of_the_package_stands_in_the_figure() -> None:
    figure = PAGE.rpartition("## Folders")[2]
    parts = {path.stem for path in (ROOT / "bridge").iterdir() if path.suffix in ("", ".py")}
    assert {part for part in parts if part not in figure} <= {"__pycache__"}
