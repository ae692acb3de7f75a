"""Calls that cyclopts refuses. What typical ones are told stands in docs/mistakes.md, which
tests/scripts/test_mistakes.py makes again; here are those of other commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.cli import main
from bridge.cli.app import PROGRAM, USAGES


def refusal(capsys: pytest.CaptureFixture[str], *call: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(call)
    printed = capsys.readouterr()
    assert (stopped.value.code, printed.out) == (2, "")
    return printed.err


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        (
            "caffe-to-keras a.prototxt b.caffemodel",
            "caffe-to-keras a.prototxt b.caffemodel -o a.keras",
        ),
        ("onnx-to-keras a.onnx --batch 2", "onnx-to-keras a.onnx --batch 2 -o a.keras"),
        ("onnx-to-keras a.onnx b.keras --batch 2", "onnx-to-keras a.onnx --batch 2 -o b.keras"),
        ("keras-to-onnx a.keras -o", "keras-to-onnx a.keras -o a.onnx"),
    ],
)
def test_without_an_output_the_whole_call_is_told(
    call: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = refusal(capsys, *call.split())
    assert "no output is named\n  expected: -o FILE" in text
    assert text.endswith(f"hint: {PROGRAM} {meant}\n")


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            "check a.onnx a.onnx --runtime tensorrt",
            "cannot read --runtime\n  expected: onnxruntime, ",
        ),
        (
            "check a.onnx a.onnx --scale big",
            "cannot read --scale\n  expected: a number, as 0.017, or one for each channel",
        ),
        ("layers Pooling", f"expected: {PROGRAM} layers\n  received: besides, Pooling"),
        ("explain", f"NET is missing\n  expected: {PROGRAM} explain NET [CAFFEMODEL]"),
        ("inspect", "inspect: no file is named"),
        ("explain a.onnx --html", "explain: --html needs a value behind it"),
        ("check a.onnx a.onnx --seed", "check: --seed needs a value behind it"),
        ("onnx-to-keras a.onnx -o a.keras --outputs", "--outputs needs a name behind it"),
        ("caffe-to-onnx a.prototxt -o a.onnx --outputs", "--outputs needs a name behind it"),
        ("explain a.onnx --outputs", "--outputs needs a name behind it"),
        ("--verison", "there is no option --verison\n  hint: did you mean '--version'?"),
        ("--unheard", f"there is no option --unheard\n  hint: {PROGRAM} --help lists"),
        ("help", "there is no command help\n  hint: did you mean '--help'?"),
        ("convert . -o out --to tflte", "no format that nets are converted to\n  expected: onnx"),
        ("inspect --jason a.onnx", "there is no option --jason\n  hint: did you mean '--json'?"),
    ],
)
def test_other_mistakes(call: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert text in refusal(capsys, *call.split())


def test_a_file_for_a_command_says_which_takes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.prototxt").write_text('name: "small"')
    Path("notes").write_bytes(b"\xff\x01\x02")
    assert "caffe-to-onnx and caffe-to-keras take it" in refusal(capsys, "net.prototxt")
    assert f"{PROGRAM} inspect notes" in refusal(capsys, "notes")
    assert "did you mean 'explain'?" in refusal(capsys, "explian")
    assert "there is no command" in refusal(capsys, 5000 * "a")  # the system has no such long names


@pytest.mark.parametrize("command", USAGES)
def test_help_begins_with_how_a_command_is_called(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    usage = " ".join((PROGRAM, command, USAGES[command])).rstrip()
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.startswith(f"Usage: {usage} [OPTIONS]")


@pytest.mark.parametrize("flag", ["-V", "--version"])
def test_the_version(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([flag])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.startswith("bridge 0.")
