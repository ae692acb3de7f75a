#!/usr/bin/env bash
# OpenCV 5 computes the exact Gelu where the graph asks for approximate="tanh".
#
# Expected: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x³))) (onnx.ai/onnx/operators/onnx__Gelu.html).
# The difference is up to 5e-4 a layer: too small to break anything, too large for a check at 1e-4,
# and it is laid at the converter's door.
# Seen 2026-11-29 with opencv-python-headless 5.0.0.93: both spellings give the same numbers, those
# of erf. onnxruntime 1.32.0 tells them apart.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 \
    opencv-python-headless==5.0.0.93
cd "$work"
env/bin/python - <<'PY'
import math

import cv2
import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper

x = np.linspace(-4, 4, 33, dtype=np.float32).reshape(1, 33)
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, x.shape) for name in "xy"]


def run(approximate: str) -> tuple[np.ndarray, np.ndarray]:
    node = helper.make_node("Gelu", ["x"], ["y"], approximate=approximate)
    model = helper.make_model(helper.make_graph([node], "g", ends[:1], ends[1:]),
                              opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    checker.check_model(model, full_check=True)
    raw = model.SerializeToString()
    net = cv2.dnn.readNetFromONNX(np.frombuffer(raw, np.uint8))
    net.setInput(x, "x")
    session = onnxruntime.InferenceSession(raw, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0], net.forward("y")


right = {
    "none": x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2,
    "tanh": x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
}
for approximate, want in right.items():
    ort, opencv = run(approximate)
    print(approximate, "onnxruntime off by", abs(ort - want).max(), "OpenCV off by", abs(opencv - want).max())
    assert np.allclose(ort, want, atol=1e-5)
    assert np.allclose(opencv, right["none"], atol=1e-5), "it changed"
assert abs(right["none"] - right["tanh"]).max() > 4e-4
PY
echo "as seen"
