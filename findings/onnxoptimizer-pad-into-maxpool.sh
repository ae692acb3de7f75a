#!/usr/bin/env bash
# onnxoptimizer moves a Pad with zeros into a MaxPool, whose own padding is not zero but nothing.
#
# Expected: MaxPool's pads never win (onnx.ai/onnx/operators/onnx__MaxPool.html); zeros of a Pad do,
# where all else is negative. The two cannot be joined unless the input is known not to be negative.
# Seen 2026-11-29 with onnxoptimizer 0.4.2, optimize() with its default passes (fuse_pad_into_pool is
# among them): border windows that held a zero give negative numbers, without a word.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 onnxoptimizer==0.4.2
cd "$work"
env/bin/python - <<'PY'
import numpy as np
import onnx
import onnxoptimizer
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper

x = -np.arange(1, 17, dtype=np.float32).reshape(1, 1, 4, 4)
nodes = [helper.make_node("Pad", ["x", "pads"], ["a"]),
         helper.make_node("MaxPool", ["a"], ["y"], kernel_shape=[2, 2], strides=[2, 2])]
graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
                          [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 1, 3, 3))],
                          [numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1]), "pads")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
checker.check_model(model, full_check=True)


def run(model: onnx.ModelProto) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0][0, 0]


def pooled(padding: float) -> np.ndarray:
    return np.pad(x[0, 0], 1, constant_values=padding).reshape(3, 2, 3, 2).max((1, 3))


fused = onnxoptimizer.optimize(model)
print("before", run(model).tolist(), "after", run(fused).tolist(), [n.op_type for n in fused.graph.node])
assert np.array_equal(run(model), pooled(0))
assert np.array_equal(run(fused), pooled(-np.inf)), "it changed"
PY
echo "as seen"
