"""Runs a script in a process of its own, as whoever has it will: with Keras, and without bridge."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bridge.errors import CheckError

_SAVED = """
import runpy, sys
sys.modules["bridge"] = None  # whoever imports it now fails
script, target = sys.argv[1:]
module = runpy.run_path(script)
model = module["load"]()
training = module.get("compiled", lambda model: model)(model)
if getattr(training, "compiled", False):
    training.optimizer.build(training.trainable_variables)  # or else Keras warns when it loads it
model.save(target)
"""


def saved(script: Path, target: Path) -> None:
    """Has the model of a script saved by Keras, with its weights, as a `.keras` file; one that
    plain Keras trains is compiled.

    Raises CheckError if the script fails.
    """
    files = str(script.absolute()), str(target.absolute())
    command = [sys.executable, "-c", _SAVED, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=script.parent)
    if done.returncode != 0 or not target.is_file():
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise CheckError(
            "the script was written, and does not run",
            received=said[-1][:300],
            hint="write a .keras file; if the net is valid, please report it, with the net",
        )
