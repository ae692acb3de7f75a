"""The checks of every conversion: they pass what is right, and find what is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from bridge.check.verify import check_keras, check_onnx
from bridge.errors import CheckError
from raised import graph, raise_and_compare, seeded

TEXT = """g (float[batch,3,4,4] x) => (float[batch,2] y) {
    hidden = Flatten(x)
    y = Gemm<transB=1>(hidden, w)
}"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    onnx.save(graph(TEXT, {"w": seeded((2, 48))}), tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


def test_shapes_are_held_to_caffe_s(path: Path) -> None:
    report = check_onnx(path, {"hidden": ("batch", 48), "y": ("batch", 2)})
    assert [row.name for row in report.rows] == ["hidden", "y"]


@pytest.mark.parametrize("shape", [("batch", 47), ("batch", 48, 1), (48,)])
def test_another_shape_is_found(path: Path, shape: tuple[int | str, ...]) -> None:
    with pytest.raises(CheckError, match="'hidden' differs"):
        check_onnx(path, {"hidden": shape, "y": ("batch", 2)})


def test_a_keras_model_is_held_to_its_graph(path: Path) -> None:
    raised = raise_and_compare(onnx.load(path), {"x": seeded((2, 3, 4, 4))})
    report = check_keras(raised.model, raised.plan, path)
    assert report.ok
    assert [row.name for row in report.rows] == ["y"]


def test_a_wrong_keras_weight_is_found(path: Path) -> None:
    raised = raise_and_compare(onnx.load(path), {"x": seeded((2, 3, 4, 4))})
    kernel = raised.model.weights[0]
    kernel.assign(kernel.numpy()[::-1])
    with pytest.raises(CheckError, match="'y' differs"):
        check_keras(raised.model, raised.plan, path)


def test_a_table_is_read_to_its_last_row(tmp_path: Path) -> None:
    text = "g (int64[40] ids) => (float[40,2] y) { y = Gather(table, ids) }"
    model = graph(text, {"table": seeded((9, 2))})
    onnx.save(model, tmp_path / "table.onnx")
    raised = raise_and_compare(model, {"ids": np.arange(40) % 9})
    (table,) = raised.model.weights
    table.assign(table.numpy() + np.eye(9, 2, -7))
    with pytest.raises(CheckError, match="'y' differs"):
        check_keras(raised.model, raised.plan, tmp_path / "table.onnx")
