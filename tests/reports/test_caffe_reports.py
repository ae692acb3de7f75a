"""Public reports re-made small, each through the command: the right numbers, or the one message
that names the cause."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from bridge.cli import main
from tests.helpers.golden_cases import assert_close

CASES = Path(__file__).parent / "caffe"
ALL = sorted(CASES.iterdir())
REFUSED = [case for case in ALL if (case / "refusal.txt").is_file()]
CONVERTED = [case for case in ALL if case not in REFUSED]


def convert(case: Path, output: Path) -> int:
    """Runs the command on a case; its exit status."""
    weights = [path for path in [case / "net.caffemodel"] if path.is_file()]
    options = case / "args.txt"
    arguments = [case / "net.prototxt", *weights, "-o", output]
    arguments += options.read_text(encoding="utf-8").split() if options.is_file() else []
    with pytest.raises(SystemExit) as stopped:
        main(["caffe-to-onnx", *map(str, arguments)])
    return stopped.value.code or 0


@pytest.mark.parametrize("case", CONVERTED, ids=lambda case: case.name)
def test_a_report_that_converts_is_right(case: Path, tmp_path: Path) -> None:
    assert convert(case, tmp_path / "net.onnx") == 0
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    with np.load(case / "io.npz") as arrays:
        feeds = {key[3:]: arrays[key] for key in arrays.files if key.startswith("in/")}
        expected = {key[4:]: arrays[key] for key in arrays.files if key.startswith("out/")}
    results = dict(
        zip((o.name for o in session.get_outputs()), session.run(None, feeds), strict=True)
    )
    for name, values in expected.items():
        assert_close(results[name], values)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_report_that_is_refused_names_the_cause(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(case, tmp_path / "net.onnx") == 2
    said = capsys.readouterr().err.replace(f"{case}/", "").replace(str(tmp_path), "FOLDER")
    assert said == (case / "refusal.txt").read_text(encoding="utf-8")
    assert not list(tmp_path.iterdir())


def test_most_reports_are_right_and_not_refused() -> None:
    assert len(ALL) == 32
    assert len(CONVERTED) >= 22
