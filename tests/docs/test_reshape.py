"""docs/reshape-is-not-transpose.md: each block of Python prints what stands behind it."""

from __future__ import annotations

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

import bridge

ROOT = Path(bridge.__file__).parent.parent
PAGE = (ROOT / "docs" / "reshape-is-not-transpose.md").read_text(encoding="utf-8")
STEPS = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)


def test_each_block_of_python_prints_what_stands_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert len(STEPS) == PAGE.count("```python") == 7
    names: dict[str, object] = {}
    for code, expected in STEPS:
        printed = StringIO()
        with redirect_stdout(printed):
            exec(code, names)
        assert printed.getvalue() == expected
