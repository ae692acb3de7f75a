"""Files of bfloat16 that take and give float32, rounded."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper

from bridge.graph.precision.fed import feed_in_single
from tests.helpers.keras_against_onnx import graph, in_onnxruntime


def test_numbers_are_rounded_as_they_go_in_and_come_out(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["x"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["wide", "wide"], ["product"]),
        helper.make_node("Cast", ["product"], ["y"], to=TensorProto.BFLOAT16),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.BFLOAT16, [4]) for name in "xy"]
    model = helper.make_model(
        helper.make_graph(nodes, "g", ends[:1], ends[1:]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    onnx.save(model, tmp_path / "model.onnx")
    feed_in_single(tmp_path / "model.onnx")
    fed = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(fed, full_check=True)
    x = np.float32([0.1, 1 / 3, 100.3, -7.77])
    rounded = x.astype(ml_dtypes.bfloat16).astype(np.float32)
    expected = (rounded * rounded).astype(ml_dtypes.bfloat16).astype(np.float32)
    np.testing.assert_array_equal(in_onnxruntime(fed, {"x": x})["y"], expected)


def test_other_files_stay(tmp_path: Path) -> None:
    onnx.save(graph("g (float[3] x) => (float[3] y) { y = Exp(x) }"), tmp_path / "model.onnx")
    before = (tmp_path / "model.onnx").read_bytes()
    feed_in_single(tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_bytes() == before
