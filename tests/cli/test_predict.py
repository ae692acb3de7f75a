"""predict on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnx.parser
import pytest

from bridge.cli import main

GRAPH = """<ir_version: 8, opset_import: ["":17]>
g (float[n,3,2,2] x) => (float[n,3] y, float[n,3,2,2] z, float[n,2] m)
<int64[2] both = {0, 2}>
{
  z = Identity(x)
  means = ReduceMean<axes = [2, 3], keepdims = 0>(x)
  y = Softmax<axis = 1>(means)
  m = Gather<axis = 1>(y, both)
}"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.onnx"
    onnx.save(onnx.parser.parse_model(GRAPH), path)
    return path


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "green.png"
    cv2.imwrite(str(path), np.full((4, 4, 3), (0, 3, 1), np.uint8))
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> tuple[str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(["predict", *map(str, arguments)])
    printed = capsys.readouterr()
    assert stopped.value.code == code, printed.err
    return printed.out, printed.err


def test_the_best_classes_are_shown(
    net: Path, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = tmp_path / "names.txt"
    names.write_text("blue\ngreen\nred\n")
    options = ("--scale", 1, "--labels", names, "--top", 2)
    out, err = run(capsys, net, image, *options)
    assert out.split("\n\n")[0].splitlines() == [
        f"{image}: y, 3 classes",
        "score   class  name",
        "0.8438  1      green",
        "0.1142  2      red",
    ]
    assert out.split("\n\n")[1].splitlines() == [
        f"{image}: z, a map of 2 x 2, 3 classes",
        "share   class  name",
        "1.0000  1      green",
    ]
    assert not err
    out, _ = run(capsys, net, image, *options, "--rgb")
    assert "0.1142  0      blue" in out


def test_json_and_a_picture(
    net: Path, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "out.png"
    out, _ = run(capsys, net, image, "--scale", 1, "-o", picture, "--json")
    answers = json.loads(out)["images"][0]["answers"]
    assert [answer["kind"] for answer in answers] == ["classes", "map", "classes"]
    assert picture.is_file()


def test_without_a_preprocessing_the_options_are_named(
    net: Path, image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = run(capsys, net, image, code=2)
    assert "error: " in err
    assert "--mean and --scale" in err
    assert not out


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ((), "predict: no model is named"),
        (("net.onnx",), "predict: no image is named"),
        (("net.prototxt", "net.caffemodel"), "predict: no image is named"),
        (("net.prototxt", "net.caffemodel", "a.png"), "cannot read the model"),
    ],
)
def test_what_is_missing_is_told(
    files: tuple[str, ...], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert text in run(capsys, *files, "--scale", 1, code=2)[1]
