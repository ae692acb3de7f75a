from __future__ import annotations

import re
import sys

import pytest

from bridge.check.compare import Verdict
from bridge.cli.show import show_table, show_verdict

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


@pytest.mark.parametrize(("verdict", "colour"), [("equal", 32), ("differs", 31)])
def test_a_verdict_is_in_colour_in_a_terminal_alone(
    verdict: Verdict,
    colour: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    show_verdict("3 blobs", verdict)
    assert capsys.readouterr().out == "3 blobs\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    show_verdict("3 blobs", verdict)
    assert f"\x1b[{colour}m3 blobs" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    show_verdict("3 blobs", verdict)
    assert capsys.readouterr().out == "3 blobs\n"
