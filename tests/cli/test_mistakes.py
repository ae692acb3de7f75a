"""Typical mistakes on the command line, and what each is told: the texts of mistakes.txt."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from bridge.cli import main
from bridge.cli.app import PROGRAM, USAGES

TEXTS = (Path(__file__).parent / "mistakes.txt").read_text(encoding="utf-8")
SESSIONS = re.findall(r"^\$ bridge ?(.*)\n((?:.+\n)+)", TEXTS, re.MULTILINE)

NET = """name: "small"
input: "data" input_shape { dim: 1 dim: 3 dim: 4 dim: 4 }
layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
  inner_product_param { num_output: 2 } }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
  inner_product_param { num_output: 2 } }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files as a user may have them, of which only the first bytes count but for the net's."""
    path = tmp_path_factory.mktemp("files")
    (path / "deploy.prototxt").write_text(NET)
    (path / "net.caffemodel").write_bytes(b"\x0a\x05small")
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", values[:1], values[1:])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path / "net.onnx")
    (path / "net.pt").write_bytes(b"PK\x03\x04" + b"\0" * 26 + b"archive/data.pkl")
    (path / "old.pt").write_bytes(b"\x80\x02\x8a\x0a")
    (path / "net.keras").write_bytes(b"PK\x03\x04" + b"\0" * 26 + b"metadata.json")
    (path / "net.tflite").write_bytes(b"\x1c\0\0\0TFL3")
    (path / "net.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (path / "frozen.pb").write_bytes(b"\x0a\x1c\x0a\x01x\x12\x0bPlaceholder")
    (path / "labels.txt").write_text("tench\ngoldfish\n")
    np.save(path / "mean.npy", np.zeros(3))
    return path


@pytest.mark.parametrize(("call", "text"), SESSIONS, ids=[call or "-" for call, _ in SESSIONS])
def test_a_mistake_is_told_with_the_way_on(
    call: str,
    text: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as stopped:
        main(shlex.split(call))
    printed = capsys.readouterr()
    assert (stopped.value.code, printed.out, printed.err) == (2, "", text)


def test_there_are_many_and_each_has_a_way_on() -> None:
    assert len(SESSIONS) >= 40
    assert [
        call for call, text in SESSIONS if "hint:" not in text and "expected:" not in text
    ] == []


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
