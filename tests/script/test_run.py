"""Scripts in a process of their own. These need no Keras: what they load saves itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.errors import CheckError
from bridge.script.run import saved

MODEL = """
class Model:
    def save(self, path):
        with open(path, "w") as file:
            file.write("saved")

def load():
    {before}
    return Model()
"""


def run(folder: Path, before: str) -> Path:
    script, target = folder / "net.py", folder / "net.keras"
    script.write_text(MODEL.format(before=before))
    saved(script, target)
    return target


def test_what_a_script_loads_is_saved(tmp_path: Path) -> None:
    assert run(tmp_path, "pass").read_text() == "saved"


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("raise ValueError('the shapes do not fit')", "ValueError: the shapes do not fit"),
        ("import bridge", "bridge"),
        ("import os; os._exit(3)", "exit status 3"),
        ("import sys; sys.exit(0)", "exit status 0"),
    ],
)
def test_one_that_does_not_run_is_refused(before: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CheckError, match=rf"does not run\n.*{said}"):
        run(tmp_path, before)
