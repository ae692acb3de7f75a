from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from bridge.check.compare import Verdict
from bridge.cli import main
from bridge.cli.show import show_json, show_table, show_verdict

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


def in_terminal(
    columns: int,
    *arguments: Sequence[str] | Sequence[Sequence[str]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> list[str]:
    """The lines of a table in a terminal of this width."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    show_table(*arguments)
    text = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out)
    return [line.rstrip() for line in text.splitlines()]


def test_a_name_that_does_not_fit_goes_on_in_the_next_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [("conv_stage0_block0", "1 2")]
    lines = in_terminal(16, HEADS, rows, capsys=capsys, monkeypatch=monkeypatch)
    assert "".join(line[:9].strip() for line in lines[1:]) == "conv_stage0_block0"
    assert "…" not in "".join(lines)


def test_optional_columns_are_left_out_until_the_others_fit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    heads, rows = ("name", "shape", "by", "shape"), [("a" * 10, "1 2", "b" * 9, "3")]
    terminal = partial(in_terminal, capsys=capsys, monkeypatch=monkeypatch)
    whole = ["name        shape  by         shape", "aaaaaaaaaa  1 2    bbbbbbbbb  3"]
    assert terminal(35, heads, rows, ("by",)) == whole
    assert terminal(34, heads, rows, ("by",))[:2] == [
        "name        shape  shape",
        "aaaaaaaaaa  1 2    3",
    ]
    said = " ".join(terminal(34, heads, rows, ("by",))[2:])
    assert said == "(without by, which a wider terminal or a pipe shows)"


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


NET = """
input: "x" input_shape { dim: 1 dim: 3 dim: 2 dim: 2 }
layer { name: "a\\033[2J\\nerror: forged" type: "%s" bottom: "x" top: "b\\nwarning: \\302\\233" }
"""
ACTING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]|^(error: forged|warning: \\x9b)", re.MULTILINE)


@pytest.mark.parametrize("verb", ["inspect", "explain", "caffe-to-onnx"])
@pytest.mark.parametrize("kind", ["ReLU", "None\\033[2J"])
def test_names_print_no_line_of_their_own(
    verb: str, kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.prototxt").write_text(NET % kind)
    output = ["-o", str(tmp_path / "net.onnx")] if verb == "caffe-to-onnx" else []
    with pytest.raises(SystemExit):
        main([verb, str(tmp_path / "net.prototxt"), *output])
    printed = "".join(capfd.readouterr())
    assert (r"b\nwarning: \x9b" if kind == "ReLU" else r"None\x1b[2J") in printed
    assert not ACTING.search(printed)


def test_json_has_the_very_names(capsys: pytest.CaptureFixture[str]) -> None:
    name = "C:\\x\x1b\x7f\x9b\u202e größe"
    show_json({name: name})
    text = capsys.readouterr().out
    assert json.loads(text) == {name: name}
    assert not re.search("[\x1b\x7f\x9b\u202e]", text)
    assert "größe" in text
