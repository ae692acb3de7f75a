"""scripts/demo, as a person runs it, but without the network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_the_demo_carries_a_trained_net_over() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPTS / "_demo.py", "--offline"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("98.9% right: 356 of 360") == 2
    assert "transposes  0 in the Keras model" in done.stdout
    assert "All agree" in done.stdout
