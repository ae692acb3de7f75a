"""scripts/_mistakes.py: what is said of typical mistakes says what to do about them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def test_the_page_has_what_is_said(script: Callable[[str], ModuleType]) -> None:
    mistakes = script("_mistakes.py")
    said = list(mistakes.messages())
    assert len(said) >= 40
    for title, _, message in said:
        assert "error: " in message, title
        assert "exit status" not in message, title
        assert any(f"\n  {part}: " in message for part in ("expected", "received", "hint")) or (
            "; give the file a name" in message
        ), title
    written = (ROOT / "docs" / "mistakes.md").read_text(encoding="utf-8")
    assert written == mistakes.page(said), "docs/mistakes.md is out of date: run scripts/generate"
