from __future__ import annotations

import re
import sys

import pytest

from bridge.cli.show import progress, show_table

HEADS, ROWS = ("name", "shape"), [("a long name", "1 2"), ("b", "[3]")]


def test_in_a_pipe_a_table_is_as_wide_as_its_cells(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(HEADS, [*ROWS, ("c" * 300, "")])
    name = "name".ljust(300)
    assert capsys.readouterr().out.splitlines() == [
        f"{name}  shape",
        f"{'a long name'.ljust(300)}  1 2",
        f"{'b'.ljust(300)}  [3]",
        "c" * 300,
    ]


def test_a_terminal_gets_what_fits_into_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "12")
    show_table(HEADS, ROWS)
    lines = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= 12
    assert any("[3]" in line for line in lines)


def test_progress_is_for_terminals(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with progress() as report:
        report("reading")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with progress() as report:
        report("reading the net")
    assert "reading the net" in capsys.readouterr().err
