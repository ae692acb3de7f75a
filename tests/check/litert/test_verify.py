"""A .tflite that rounds is measured, and one that is another net is refused."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import pytest

import bridge
from bridge.check.litert.verify import check_litert
from bridge.convert import raise_onnx
from bridge.errors import CheckError
from bridge.results import Raising
from tests.helpers.keras_against_onnx import graph, seeded

TEXT = "g (float[N,8] x) => (float[N,4] y) { a = MatMul(x, v) b = Relu(a) y = MatMul(b, w) }"


class Rounded(NamedTuple):
    graph: Path
    other: Path
    files: dict[str, Path]
    raisings: dict[str, Raising]


def saved(path: Path, sign: int) -> Path:
    onnx.save(graph(TEXT, {"v": seeded((8, 16)), "w": sign * seeded((16, 4), 1)}), path)
    return path


@pytest.fixture(scope="module")
def rounded(tmp_path_factory: pytest.TempPathFactory) -> Rounded:
    folder = tmp_path_factory.mktemp("rounded")
    net, fed = saved(folder / "net.onnx", 1), folder / "fed.npz"
    np.savez(fed, x=seeded((40, 8), 2))
    files = {name: folder / f"{name}.tflite" for name in ("float16", "int8")}
    raisings = {
        "float16": raise_onnx(net, files["float16"], fp16=True),
        "int8": raise_onnx(net, files["int8"], int8=fed),
    }
    return Rounded(net, saved(folder / "other.onnx", -1), files, raisings)


def test_halves_are_held_to_the_rounding_of_halves(rounded: Rounded) -> None:
    report = rounded.raisings["float16"].report
    assert report is not None
    assert str(report).startswith("LiteRT against onnxruntime: 1 blob equal")
    (row,) = report.rows
    assert 0 < row.error < row.limit
    assert bridge.check(rounded.graph, rounded.files["float16"]).ok


def test_bytes_are_measured_and_never_called_equal(rounded: Rounded) -> None:
    (note,) = rounded.raisings["int8"].warnings
    assert note.startswith("int8: 'y' is off by up to 0.0")
    assert note.endswith("% of its range; the top class is the same in 20 of 20")
    report = bridge.check(rounded.graph, rounded.files["int8"])
    assert report.verdict == "differs"
    assert "rounds to int8: it is another net" in report.warnings[0]


@pytest.mark.parametrize(
    ("dtype", "message"),
    [("float16", "LiteRT against onnxruntime: 'y' differs"), ("int8", "leaves little of")],
)
def test_another_net_is_refused(rounded: Rounded, dtype: str, message: str) -> None:
    plan, file = rounded.raisings[dtype].plan, rounded.files[dtype]
    with pytest.raises(CheckError, match=message):
        check_litert(file, plan, rounded.other, dtype)


def test_where_nothing_is_rounded_that_is_said(rounded: Rounded) -> None:
    plan = rounded.raisings["float16"].plan
    report = check_litert(rounded.files["float16"], plan, rounded.graph, "int8")
    assert report.warnings[0].startswith("int8: nothing is rounded")
    assert len(report.warnings) == 2
