#!/usr/bin/env bash
# OpenVINO's ReduceLogSumExp and ReduceLogSum up to opset 17 reduce every axis, whatever `axes` says.
#
# Expected: attribute `axes` names the axes (onnx.ai/onnx/operators/onnx__ReduceLogSumExp.html,
# versions 1 to 13). From opset 18 on `axes` is an input, and there OpenVINO is right, as it is at
# opset 17 for ReduceSumSquare: one model, converted from 18 to 17, changes shape and numbers.
# Seen 2026-11-29 with openvino 2026.4.1, x = [[1 2 3] [4 5 6]], axes = [1], keepdims = 0:
#   opset 17: 6.456 (a scalar), opset 18: [3.408 6.408]. The declared output shape is not checked.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 openvino==2026.4.1
cd "$work"
env/bin/python - <<'PY'
import numpy as np
import openvino
from onnx import TensorProto, checker, helper, numpy_helper

x = np.array([[1, 2, 3], [4, 5, 6]], np.float32)


def run(op: str, opset: int) -> np.ndarray:
    as_input = opset >= 18
    axes = [numpy_helper.from_array(np.array([1]), "axes")] if as_input else []
    node = helper.make_node(op, ["x", "axes"] if as_input else ["x"], ["y"], keepdims=0,
                            **({} if as_input else {"axes": [1]}))
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, (2, 3))],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, (2,))], axes)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    checker.check_model(model, full_check=True)
    core = openvino.Core()
    return core.compile_model(core.read_model(model.SerializeToString()), "CPU")({"x": x})[0]


wants = {
    "ReduceLogSumExp": lambda axis: np.log(np.exp(x).sum(axis)),
    "ReduceLogSum": lambda axis: np.log(x.sum(axis)),
    "ReduceSumSquare": lambda axis: (x**2).sum(axis),
}
for op, want in wants.items():
    old, new = run(op, 17), run(op, 18)
    print(op, "opset 17:", old, "opset 18:", new)
    assert np.allclose(new, want(1), atol=1e-4)
    if op == "ReduceSumSquare":
        assert np.allclose(old, want(1))
    else:
        assert old.shape == () and np.allclose(old, want(None), atol=1e-4), "it changed"
PY
echo "as seen"
