from __future__ import annotations

import re
import sys

import pytest

from bridge.cli.progress import running


def test_progress_is_for_terminals(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with running() as run:
        run.stage("reading")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with running() as run:
        run.stage("reading the net")
    assert "reading the net" in capsys.readouterr().err


def test_each_stage_has_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    with running(verbose=True) as run:
        run.stage("reading")
        run.stage("writing")
    said = [
        re.fullmatch(r" *\d+\.\d\d s  (.*)", line) for line in capsys.readouterr().err.splitlines()
    ]
    assert [line and line[1] for line in said] == ["starting", "reading", "writing"]
    assert run.seconds > 0
