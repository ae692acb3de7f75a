"""Scripts that stand for a plan, run in this process."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import keras

from bridge.files.staging import staging
from bridge.keras.build import build
from bridge.keras.depth import room_for
from bridge.raising.plan import Plan
from bridge.script.program import Program
from bridge.script.write import publish, write
from tests.helpers.archives import weights_of

ROOT = Path(__file__).parents[2]


def written(plan: Plan, script: Path) -> Path:
    """The script of a plan, with its weights beside it."""
    with staging(script) as staged:
        write(plan, staged.path)
        publish(staged)
    return script


def loaded_from_script(plan: Plan, script: Path) -> keras.Model:
    """What the script of a plan loads, after its weights were held to be those, under the same
    names, of the model that Keras builds."""
    keras.backend.clear_session()
    with room_for(len(plan.calls)):
        model = runpy.run_path(str(written(plan, script)))["load"]()
        assert weights_of(model) == weights_of(build(plan))
    return model


def text_of(plan: Plan) -> str:
    return Program(plan).text("net.weights.h5")


def assert_clean(*sources: str) -> None:
    """Ruff, with the project's own settings, has nothing to say of any of these, and nothing to
    format."""
    for source in sources:
        for words in (("check", "-"), ("format", "--diff", "-")):
            command = [sys.executable, "-m", "ruff", *words, "--stdin-filename", "net.py"]
            done = subprocess.run(
                command, input=source, capture_output=True, text=True, check=False, cwd=ROOT
            )
            assert done.returncode == 0, done.stdout
