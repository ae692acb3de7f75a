"""inspect on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import onnx.parser
import pytest

from bridge.cli import main
from tests.helpers.golden_cases import case

LENET = case("net_lenet")


def printed(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(["inspect", *map(str, arguments)])
    assert stopped.value.code == 0
    return capsys.readouterr()


def test_a_table_of_layers(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = printed(capsys, LENET.prototxt, LENET.caffemodel)
    lines = out.splitlines()
    assert lines[0] == f"{LENET.prototxt} {LENET.caffemodel}: Caffe net 'mini_lenet'"
    assert lines[1:3] == ["text: V2", "weights: V2, of float32"]
    assert [line.split() for line in (*lines[3:5], lines[9])] == [
        ["name", "type", "from", "to", "shape", "weights", "parameters"],
        "conv1 Convolution data conv1 2 4 16 16 4 1 5 5, 4 104".split(),
        "relu1 ReLU ip1:ip1 ip1 2 20".split(),
    ]
    assert lines[-3:] == [
        "input data: 2 1 20 20",
        "output prob: 2 10",
        "1,782 parameters, 7,128 bytes",
    ]
    assert not err


def test_warnings_stand_apart(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text('input: "x" foo: 1\nlayer { name: "r" type: "ReLU" bottom: "x" top: "y" }')
    out, err = printed(capsys, path)
    assert "output y: ?" in out
    assert "warning: " in err
    assert "unknown field 'foo'" in err


def test_json_has_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, LENET.prototxt, LENET.prototxt, LENET.caffemodel, "--json")
    alone, both = json.loads(out)
    assert (len(alone["files"]), len(both["files"])) == (1, 2)
    assert alone["parameters"] == both["parameters"] > 0
    assert {part["type"] for part in both["parts"]} >= {"Convolution", "InnerProduct"}


def test_open_sizes_are_told_with_a_command_that_fixes_them(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = """g (float[n,3,height,?] images) => (float[n,3,c,d] y) {
        y = MaxPool<kernel_shape=[3,3], strides=[2,2], ceil_mode=1>(images)
    }"""
    write_graph(tmp_path / "a net.onnx", text)
    monkeypatch.chdir(tmp_path)
    out, err = printed(capsys, "a net.onnx")
    tail = out.splitlines()[-8:]
    assert tail == [
        "",
        "open sizes of images: axis 0 (n), axis 2 (height), axis 3 (no name); it holds",
        "  the conversion up",
        "With them open it is refused: these nodes cannot become Keras layers: node 'y'",
        "  (MaxPool): ceil_mode over an axis of unknown size",
        "Fix them, with your own sizes in place of these:",
        "  python -m bridge onnx-to-keras 'a net.onnx' -o 'a net.keras' \\",
        "    --input-shape images:1,3,224,224",
    ]
    assert max(map(len, tail)) <= 80
    assert not err


def test_open_sizes_that_hold_nothing_up_can_be_fixed_as_well(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_graph(tmp_path / "net.onnx", "g (float[N,3] x) => (float[N,3] y) { y = Relu(x) }")
    monkeypatch.chdir(tmp_path)
    out, _ = printed(capsys, "net.onnx")
    assert out.splitlines()[-4:] == [
        "",
        "open sizes of x: axis 0 (N)",
        "It converts with these sizes open. To fix them:",
        "  python -m bridge onnx-to-keras net.onnx -o net.keras --batch 1",
    ]
    (contents,) = json.loads(printed(capsys, "net.onnx", "--json")[0])
    assert contents["open_sizes"]["options"] == ["--batch", "1"]


def test_a_graph_that_no_size_helps_is_refused_in_words(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_graph(tmp_path / "net.onnx", "g (float x) => (float[N,3] y) { y = RandomNormalLike(x) }")
    out, _ = printed(capsys, tmp_path / "net.onnx")
    assert "open sizes of x: all, and how many axes it has\n" in out
    assert "It is refused, also with fixed sizes: " in out
    assert "onnx-to-keras" not in out


def write_graph(path: Path, text: str) -> None:
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["":17]>\n{text}')
    for node in model.graph.node:
        node.name = node.output[0]
    for value in model.graph.input:
        if not value.type.tensor_type.shape.dim:
            value.type.tensor_type.ClearField("shape")
    onnx.save(model, path)
