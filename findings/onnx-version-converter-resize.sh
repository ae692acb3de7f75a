#!/usr/bin/env bash
# onnx's version converter turns Resize 10 and Hardmax 11 into other functions, and says nothing.
#
# Expected: the same numbers. Resize 10 knows one rule, source = destination / scale, which from opset
# 11 on is coordinate_transformation_mode="asymmetric"; its default there is half_pixel
# (onnx.ai/onnx/operators/onnx__Resize.html). Hardmax up to opset 12 takes one maximum of all that
# lies behind `axis`, from 13 on one for each line along it; Softmax, in the same table of changes,
# is rewritten with Flatten and Reshape, Hardmax is not.
# Seen 2026-11-29 with onnx 1.23.2: Resize of [0 1 2 3] by 2, linear, gives 0 0.25 0.75 ... where
# 0 0.5 1 ... was; Hardmax of 1 2 and 3 0 gives two ones where it gave one. onnxruntime 1.32.0 runs all.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
cd "$work"
env/bin/python - <<'PY'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper, version_converter


def graph_of(node: onnx.NodeProto, opset: int, shape: tuple[int, ...], y: tuple[int, ...], **constants) -> onnx.ModelProto:
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, y)],
                              [numpy_helper.from_array(value, name) for name, value in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    checker.check_model(model, full_check=True)
    return model


def run(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


line = np.arange(4, dtype=np.float32).reshape(1, 1, 1, 4)
resize = graph_of(helper.make_node("Resize", ["x", "scales"], ["y"], mode="linear"), 10, line.shape,
                  (1, 1, 1, 8), scales=np.array([1, 1, 1, 2], np.float32))
before, after = run(resize, line), run(version_converter.convert_version(resize, 17), line)
print("Resize at 10:", before.ravel(), "converted to 17:", after.ravel())
asymmetric = np.interp(np.arange(8) / 2, np.arange(4), np.arange(4))
half_pixel = np.interp((np.arange(8) + 0.5) / 2 - 0.5, np.arange(4), np.arange(4))
assert np.allclose(before.ravel(), asymmetric)
assert np.allclose(after.ravel(), half_pixel), "it changed"

square = np.array([[[1, 2], [3, 0]]], np.float32)
hardmax = graph_of(helper.make_node("Hardmax", ["x"], ["y"], axis=1), 11, square.shape, square.shape)
before, after = run(hardmax, square), run(version_converter.convert_version(hardmax, 13), square)
print("Hardmax at 11:", before.tolist(), "converted to 13:", after.tolist())
assert before.tolist() == [[[0, 0], [1, 0]]]
assert after.tolist() == [[[0, 1], [1, 0]]], "it changed"
PY
echo "as seen"
