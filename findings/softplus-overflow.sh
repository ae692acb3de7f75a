#!/usr/bin/env bash
# Softplus of 89 or more is infinite in tract, OpenCV 4 and OpenCV 5.
#
# Expected: log(exp(x) + 1), which is x for a large x (onnx.ai/onnx/operators/onnx__Softplus.html):
# exp(89) is beyond float32, so the formula is not to be computed as it is written.
# Seen 2026-11-30, without a word: inf for 89 and 200 in tract 0.23.9, opencv-python-headless 4.14.0.94
# and 5.0.0.93; onnxruntime 1.32.0 and openvino 2026.4.1 are right.
# Relu(x) + Log(1 + Exp(-Abs(x))) is right in all of them.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for package in onnx==1.23.2 opencv-python-headless==4.14.0.94 opencv-python-headless==5.0.0.93 tract==0.23.9; do
    python3 -m venv --without-pip "$work/${package%%.*}"
    python3 -m pip --python "$work/${package%%.*}" install --quiet --no-compile numpy==2.4.6 "$package"
done
cd "$work"
"onnx==1/bin/python" - <<'PY'
import numpy as np
import onnx
from onnx import TensorProto, checker, helper, numpy_helper

nodes = {
    "softplus": [helper.make_node("Softplus", ["x"], ["y"])],
    "spelled": [
        helper.make_node("Abs", ["x"], ["a"]),
        helper.make_node("Neg", ["a"], ["b"]),
        helper.make_node("Exp", ["b"], ["c"]),
        helper.make_node("Add", ["c", "one"], ["d"]),
        helper.make_node("Log", ["d"], ["e"]),
        helper.make_node("Relu", ["x"], ["f"]),
        helper.make_node("Add", ["e", "f"], ["y"]),
    ],
}
one = numpy_helper.from_array(np.float32([1]), "one")
for name, steps in nodes.items():
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 1, 1, 5]) for n in "xy"]
    constants = [one] if name == "spelled" else []
    graph = helper.make_graph(steps, "g", ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    onnx.save(model, f"{name}.onnx")
PY
cat >softplus.py <<'PY'
import sys

import numpy as np

x = np.float32([1, 0, 50, 89, 200]).reshape(1, 1, 1, 5)
RIGHT = np.float32([np.log1p(np.exp(1)), np.log(2), 50, 89, 200])


def opencv(name: str) -> np.ndarray:
    import cv2

    net = cv2.dnn.readNetFromONNX(f"{name}.onnx")
    net.setInput(x, "x")
    return net.forward("y")


def tract(name: str) -> np.ndarray:
    import tract

    return tract.onnx().load(f"{name}.onnx").into_model().into_runnable().run([x])[0].to_numpy()


run = {"opencv": opencv, "tract": tract}[sys.argv[1]]
y, spelled = run("softplus").ravel(), run("spelled").ravel()
print(sys.argv[1], y, "spelled out", spelled, "right", RIGHT)
assert np.allclose(spelled, RIGHT, atol=1e-5), "spelled out it is right"
assert np.allclose(y, [*RIGHT[:3], np.inf, np.inf], atol=1e-4), "it changed"
PY
"opencv-python-headless==4/bin/python" softplus.py opencv
"opencv-python-headless==5/bin/python" softplus.py opencv
"tract==0/bin/python" softplus.py tract
echo "as seen"
