"""check and keras-to-onnx on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

import bridge
from bridge.cli import main
from bridge.cli.check import pair_of
from bridge.errors import UsageError
from tests.helpers.small_net import PROTOTXT, Small, weights


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    net = Small(tmp_path_factory.mktemp("small")).write(PROTOTXT, weights())
    bridge.onnx_to_keras(net.onnx, net.keras)
    return net


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    with pytest.raises(SystemExit) as stopped:
        main([*map(str, arguments)])
    captured = capsys.readouterr()
    return int(stopped.value.code or 0), captured.out, captured.err


def test_two_that_agree(capsys: pytest.CaptureFixture[str], small: Small) -> None:
    status, out, err = run(capsys, "check", small.onnx, small.keras)
    assert (status, err) == (0, "")
    assert "prob (Softmax)" in out
    assert "11 blobs equal" in out.splitlines()[-1]


def test_two_that_do_not(capsys: pytest.CaptureFixture[str], small: Small, tmp_path: Path) -> None:
    wrong = small.rewritten(tmp_path, PROTOTXT.replace("k: 2", "k: 1"))
    status, out, _ = run(capsys, "check", small.onnx, wrong)
    assert status == 1
    assert "'norm1' is the first to differ" in out
    marked = [line.split()[1] for line in out.splitlines() if line.startswith("*")]
    assert marked[0] == "norm1"


def test_a_caffe_net_is_two_files(capsys: pytest.CaptureFixture[str], small: Small) -> None:
    status, _, err = run(capsys, "check", small.prototxt, small.caffemodel, small.keras)
    assert status == 0
    assert "lowered to ONNX first" in err


@pytest.mark.parametrize(
    "names", ["", "a.onnx", "a.onnx b.onnx c.onnx", "a.caffemodel b.onnx c.onnx"]
)
def test_two_sides_are_asked_for(names: str) -> None:
    with pytest.raises(UsageError, match="two models are compared"):
        pair_of([Path(name) for name in names.split()])


def test_a_caffemodel_belongs_to_the_prototxt_before_it() -> None:
    paths = [Path(name) for name in ("a.npz", "b.prototxt", "b.caffemodel")]
    assert pair_of(paths) == (paths[0], (paths[1], paths[2]))
    paths[2] = Path("b.caffemodel.h5")
    assert pair_of(paths) == (paths[0], (paths[1], paths[2]))


def test_weights_in_hdf5_belong_to_a_net_as_well(
    capsys: pytest.CaptureFixture[str], small: Small, tmp_path: Path
) -> None:
    path = tmp_path / "net.caffemodel.h5"
    with h5py.File(path, "w") as file:
        for layer, blobs in weights().items():
            for index, blob in enumerate(blobs):
                file[f"data/{layer}/{index}"] = blob
    status, out, _ = run(capsys, "check", small.prototxt, path, small.keras)
    assert status == 0
    assert "blobs equal" in out.splitlines()[-1]
    status, _, err = run(capsys, "check", path, small.onnx)
    assert status == 2
    assert "the weights of a Caffe net, without the net" in err


def test_everything_as_json(capsys: pytest.CaptureFixture[str], small: Small) -> None:
    status, out, _ = run(capsys, "check", small.onnx, small.keras, "--json")
    parsed = json.loads(out)
    assert (status, parsed["ok"], len(parsed["rows"])) == (0, True, 11)
    assert parsed["layouts"]["data"] == "n c h w -> n h w c"
    assert "onnxruntime" in parsed["versions"]


def test_what_is_no_number_is_json_as_well(
    capsys: pytest.CaptureFixture[str], small: Small, tmp_path: Path
) -> None:
    wrong = small.rewritten(tmp_path, blobs={"fc": (np.full((5, 3), np.nan), np.zeros(5))})
    status, out, _ = run(capsys, "check", small.onnx, wrong, "--json")
    parsed = json.loads(out, parse_constant=pytest.fail)
    assert (status, parsed["first"]) == (1, "fc")
    assert [row["error"] for row in parsed["rows"][-2:]] == ["inf", "inf"]


def test_no_image_is_a_mistake(capsys: pytest.CaptureFixture[str], small: Small) -> None:
    status, out, err = run(capsys, "check", small.onnx, small.keras, "--image")
    assert (status, out, err.splitlines()[0]) == (2, "", "error: no image file")


def test_a_page_is_written(
    capsys: pytest.CaptureFixture[str], small: Small, tmp_path: Path
) -> None:
    run(capsys, "check", small.onnx, small.keras, "--report", tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text("utf-8").startswith("<!doctype html>")


def test_what_is_missing_is_the_callers_fault(
    capsys: pytest.CaptureFixture[str], small: Small
) -> None:
    status, _, err = run(capsys, "check", small.onnx, "missing.keras")
    assert (status, err) == (
        2,
        "error: missing.keras: cannot read the model\n  received: no such file\n",
    )


def test_a_keras_model_goes_back(
    capsys: pytest.CaptureFixture[str], small: Small, tmp_path: Path
) -> None:
    out = tmp_path / "back.onnx"
    status, printed, _ = run(capsys, "keras-to-onnx", small.keras, "-o", out)
    assert status == 0
    assert [line.split() for line in printed.splitlines()[1:3]] == [
        ["input", "data", "batch", "3", "16", "16"],
        ["output", "prob", "batch", "5"],
    ]
    assert printed.splitlines()[-1].startswith(f"{out}: ")
    assert bridge.check(small.onnx, out).ok


def test_what_does_not_fit_into_memory_is_a_mistake(
    capsys: pytest.CaptureFixture[str], small: Small
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["check", str(small.onnx), str(small.onnx), "--batch", "100000000000"])
    assert exit_.value.code == 2
    assert "would take too much memory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("weight", "doubt"),
    [(0, "'prob': it is the same for all inputs"), (np.nan, "'prob': none of its numbers is fin")],
)
def test_two_that_agree_on_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, weight: float, doubt: str
) -> None:
    dead = {"fc": (np.full((5, 3), weight), np.zeros(5))}
    net = Small(tmp_path).write(PROTOTXT, {**weights(), **dead})
    status, out, _ = run(capsys, "check", net.onnx, net.onnx)
    assert status == 4
    assert doubt in out
    assert "CANNOT TELL whether 11 blobs are equal" in out.splitlines()[-1]
    assert [line.split()[1] for line in out.splitlines() if line.startswith("?")] == ["fc", "prob"]
    parsed = json.loads(run(capsys, "check", net.onnx, net.onnx, "--json")[1])
    assert (parsed["ok"], parsed["verdict"], parsed["first"]) == (False, "cannot tell", None)
