"""What is said of typical mistakes is what the page in the docs shows."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_has_what_is_said() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "mistakes"))
    said = list(script["messages"]())
    assert len(said) >= 40
    for title, _, message in said:
        assert "error: " in message or "─ Error ─" in message, title
        assert "exit status" not in message, title
        assert any(f"\n  {part}: " in message for part in ("expected", "received", "hint")) or (
            "\nhint: " in message or "; give the file a name" in message
        ), title
    written = (ROOT / "docs" / "mistakes.md").read_text(encoding="utf-8")
    assert written == script["page"](said), "run scripts/mistakes"
