"""docs/reshape-is-not-transpose.md: each block of Python prints what stands behind it."""

from __future__ import annotations

from pathlib import Path

import pytest

import bridge
from tests.docs.pages import assert_prints_what_it_says

ROOT = Path(bridge.__file__).parent.parent


def test_each_block_of_python_prints_what_stands_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    page = (ROOT / "docs" / "reshape-is-not-transpose.md").read_text(encoding="utf-8")
    assert_prints_what_it_says(page, blocks=7)
