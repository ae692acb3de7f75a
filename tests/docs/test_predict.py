"""The example of docs/predict.md, run as it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from bridge.cli import main
from tests.structure.test_mirror import ROOT

PAGE = (ROOT / "docs/predict.md").read_text(encoding="utf-8")


def test_the_digit_is_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    making = re.search(r"```python\n(import cv2.*?)```", PAGE, re.DOTALL)
    shown = re.search(r"```console\n\$ python -m bridge (.*?)\n(.*?)```", PAGE, re.DOTALL)
    assert making is not None
    assert shown is not None
    (tmp_path / "models").symlink_to(ROOT / "models")
    monkeypatch.chdir(tmp_path)
    exec(making[1], {})
    with pytest.raises(SystemExit) as stopped:
        main(shlex.split(shown[1]))
    assert stopped.value.code == 0
    assert capsys.readouterr().out == shown[2]
