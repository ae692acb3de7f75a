from __future__ import annotations

import re
import sys

import pytest

from bridge.cli.progress import running
from bridge.public.progress import Part


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


def test_the_parts_of_a_stage_are_one_stage(capsys: pytest.CaptureFixture[str]) -> None:
    with running(verbose=True) as run:
        run.stage("writing")
        for done in range(3):
            run.stage(Part.of("writing", done, 3))
        run.stage("writing")
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" s  ")[2] for line in lines] == ["starting", "writing", "writing"]


def test_a_bar_and_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "80"}.items():
        monkeypatch.setenv(name, value)
    with running() as run:
        run.stage(Part.of("writing the graph", 300, 600, "300 of 600 MB"))
    with running() as run:
        run.stage("comparing 1 of 2: " + "a/long/name" * 10)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err)
    lines = [line.rstrip() for line in re.split(r"[\r\n]", shown)]
    assert max(map(len, lines)) <= 80
    assert any(re.search(r"0:00:00 ━+.* writing the graph: 300 of 600 MB$", line) for line in lines)
