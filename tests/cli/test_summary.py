"""What a conversion prints of what it has made."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bridge.cli import main
from tests.helpers.golden_cases import case

NET = case("conv_basic_k3")
DIGITS = Path(__file__).parents[2] / "models" / "digits-lenet"


def printed(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as stopped:
        main([*map(str, arguments)])
    said = capsys.readouterr()
    assert stopped.value.code == 0, said.err
    return said.out


def to_onnx(path: Path, *options: str) -> tuple[object, ...]:
    return ("caffe-to-onnx", NET.prototxt, NET.caffemodel, "-o", path, *options)


def to_keras(path: Path, *options: str) -> tuple[object, ...]:
    return ("caffe-to-keras", NET.prototxt, NET.caffemodel, "-o", path, *options)


def test_the_last_line_says_what_is_in_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.onnx"
    last = printed(capsys, *to_onnx(path)).splitlines()[-1]
    size, *facts, seconds = last.removeprefix(f"{path}: ").split(", ")
    assert size == f"{path.stat().st_size:.3g} bytes"
    assert facts == ["1 node", "112 parameters"]
    assert re.fullmatch(r"\d+\.\d s", seconds)


def test_the_weights_beside_a_graph_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.onnx"
    files = DIGITS / "deploy.prototxt", DIGITS / "weights.caffemodel"
    options = "-o", path, "--weights", "external", "--json"
    result = json.loads(printed(capsys, "caffe-to-onnx", *files, *options))
    assert result["bytes"] == sum(file.stat().st_size for file in tmp_path.iterdir())
    assert result["bytes"] > path.stat().st_size


def test_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.keras"
    result: dict[str, Any] = json.loads(printed(capsys, *to_keras(path, "--json")))
    assert result.pop("seconds") > 0
    assert 0 < result.pop("largest_difference") < 1e-4
    images = "n c h w -> n h w c"
    assert result == {
        "path": str(path),
        "bytes": path.stat().st_size,
        "inputs": {"data": {"shape": ["batch", 8, 9, 3], "layout": images}},
        "outputs": {"out": {"shape": ["batch", 6, 7, 4], "layout": images}},
        "layers": 2,
        "parameters": 112,
        "transposes": 0,
        "verdict": "equal",
        "warnings": [],
    }
    back = tmp_path / "back.onnx"
    again = json.loads(printed(capsys, "keras-to-onnx", path, "-o", back, "--json"))
    assert (again["parameters"], again["verdict"]) == (112, "equal")


def test_a_refusal_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["caffe-to-onnx", "net.prototxt", "-o", str(tmp_path / "net.onnx"), "--json"])
    assert stopped.value.code == 2
    said = capsys.readouterr()
    refusal = json.loads(said.out)
    assert (refusal["problem"], refusal["where"]) == ("cannot read the prototxt", "net.prototxt")
    assert said.err == f"error: {refusal['error']}\n"


def test_quiet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, *to_onnx(tmp_path / "net.onnx", "--quiet")) == ""
    one = tmp_path / "net.onnx"
    assert printed(capsys, "check", one, one, "-q") == ""
