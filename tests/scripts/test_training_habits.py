from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.nightly
def test_the_page_has_what_the_script_prints() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "training_habits"], capture_output=True, text=True, check=True
    )
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(rows) == 13
    assert "\n".join(rows) in (ROOT / "docs" / "training.md").read_text("utf-8")
