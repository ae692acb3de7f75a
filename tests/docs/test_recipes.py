"""docs/recipes.md: its commands and its Python, run in turn as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from bridge.cli import main
from tests.docs.pages import assert_prints_what_it_says
from tests.structure.test_mirror import ROOT

PAGE = (ROOT / "docs/recipes.md").read_text(encoding="utf-8")


def test_each_recipe_does_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cv2", minversion="5", reason="the first recipe is for OpenCV 5")
    for folder in ("models", "tests"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^\$ python -m bridge (.*)$", PAGE, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        with pytest.raises(SystemExit) as stopped:
            main(shlex.split(command))
        assert stopped.value.code == 0
    assert_prints_what_it_says(PAGE, blocks=4)


def test_the_commands_of_the_ci_recipe_end_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").symlink_to(ROOT / "models")
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^ *- run: bridge (.*)$", PAGE, re.MULTILINE)
    assert [command.split()[0] for command in commands] == [
        "caffe-to-onnx",
        "onnx-to-keras",
        "check",
    ]
    for command in commands:
        with pytest.raises(SystemExit) as stopped:
            main(shlex.split(command))
        assert stopped.value.code == 0
    assert (tmp_path / "net.onnx").is_file()
    assert (tmp_path / "net.keras").is_file()
