"""inspect on the command line."""

from __future__ import annotations

import json
from pathlib import Path

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
