#!/usr/bin/env bash
# onnxoptimizer and OpenCV 5 keep only the second of two Reshapes, though its 0 counts on the first.
#
# Expected: 0 copies the axis of the Reshape's own input (onnx.ai/onnx/operators/onnx__Reshape.html).
# 2 3 4 by (0, -1) is 2 12, and by (-1, 0) is again 2 12. Applied to the first input (-1, 0) is 8 3.
# Seen 2026-11-29 with onnxoptimizer 0.4.2 (optimize() with its fuse passes) and
# opencv-python-headless 5.0.0.93: 8 3, silently, though the graph declares 2 12. onnxruntime 1.32.0: 2 12.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 \
    onnxoptimizer==0.4.2 opencv-python-headless==5.0.0.93
cd "$work"
env/bin/python - <<'PY'
import cv2
import numpy as np
import onnx
import onnxoptimizer
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper

x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
nodes = [helper.make_node("Reshape", ["x", "first"], ["a"]), helper.make_node("Reshape", ["a", "second"], ["y"])]
graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
                          [helper.make_tensor_value_info("y", TensorProto.FLOAT, (2, 12))],
                          [numpy_helper.from_array(np.array(v), n) for n, v in
                           (("first", [0, -1]), ("second", [-1, 0]))])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
checker.check_model(model, full_check=True)


def ort(model: onnx.ModelProto) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


fused = onnxoptimizer.optimize(model, onnxoptimizer.get_fuse_and_elimination_passes())
net = cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
net.setInput(x, "x")
shapes = {"onnxruntime": ort(model).shape, "onnxoptimizer": ort(fused).shape, "opencv": net.forward("y").shape}
print(shapes, [n.op_type for n in fused.graph.node])
assert shapes["onnxruntime"] == (2, 12)
assert shapes["onnxoptimizer"] == shapes["opencv"] == (8, 3), "it changed"
PY
echo "as seen"
