"""What completion prints, asked by bash itself."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from bridge.cli import main

TRY = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _bridge; echo "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def bash(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    printed = StringIO()
    with redirect_stdout(printed), pytest.raises(SystemExit) as stopped:
        main(["completion", "bash"])
    assert stopped.value.code == 0
    path = tmp_path_factory.mktemp("completion") / "bridge.bash"
    path.write_text(printed.getvalue(), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("bridge pre", "predict"),
        ("bridge check a.onnx b.onnx --lab", "--labels"),
        ("bridge check a.onnx b.onnx --runtime op", "openvino opencv opencv5 opencv4"),
        ("bridge completion z", "zsh"),
        ("bridge inspect net", "net.onnx"),
    ],
)
def test_words_are_completed(typed: str, expected: str, bash: Path, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").touch()
    call = ["bash", "-c", TRY, "bash", str(bash), *typed.split()]
    done = subprocess.run(call, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert (done.stdout.strip(), done.stderr) == (expected, "")


@pytest.mark.parametrize(("shell", "mark"), [("zsh", "#compdef bridge"), ("fish", "complete -c ")])
def test_other_shells_have_theirs(
    shell: str, mark: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["completion", shell])
    assert mark in capsys.readouterr().out
