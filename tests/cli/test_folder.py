from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bridge.cli import main
from tests.helpers.golden_cases import case

CONV = case("conv_basic_k3")


def test_a_folder_is_converted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nets, output = tmp_path / "nets", tmp_path / "out"
    nets.mkdir()
    shutil.copy(CONV.prototxt, nets / "net.prototxt")
    shutil.copy(CONV.caffemodel, nets / "any.caffemodel")
    command = ["convert", str(nets), "-o", str(output), "--no-check"]
    with pytest.raises(SystemExit) as stopped:
        main(command)
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"1 converted\n{output / 'index.html'}\n"

    (nets / "bad.prototxt").write_text("layer {")
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--json"])
    assert stopped.value.code == 1
    assert json.loads(capsys.readouterr().out) == {
        "index": str(output / "index.html"),
        "counts": {"converted": 1, "refused": 1},
    }


def test_a_cluster_decides_how_many_run_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["convert", "nets", "-o", "out", "--jobs", "2", "--scheduler", "tcp://127.0.0.1:1"])
    assert stopped.value.code == 2
    assert "--jobs and --scheduler exclude each other" in capsys.readouterr().err


def test_an_amount_of_memory_is_a_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["convert", str(tmp_path), "-o", str(tmp_path / "out"), "--memory", "nan"])
    assert stopped.value.code == 2
    assert "not an amount of memory" in capsys.readouterr().err
