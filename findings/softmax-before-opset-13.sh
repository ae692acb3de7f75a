#!/usr/bin/env bash
# Softmax of opset 11 is computed as opset 13's by OpenVINO, OpenCV 5 and onnx's own reference.
#
# Expected: up to opset 12 Softmax flattens to two axes at `axis` and normalises over all that lies
# behind it (onnx.ai/onnx/operators/onnx__Softmax.html, version 11): zeros of shape 1 2 2 with
# axis = 1 give 1/4 each. From opset 13 on it is one axis: 1/2 each.
# Seen 2026-11-29: onnxruntime 1.32.0 and tract 0.23.9 give 1/4; openvino 2026.4.1,
# opencv-python-headless 5.0.0.93 and onnx 1.23.2's ReferenceEvaluator 1/2, without a word.
# onnx 1.23.2's version converter gets this one right: converted to 13, all five say 1/4.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 \
    openvino==2026.4.1 opencv-python-headless==5.0.0.93 tract==0.23.9
cd "$work"
env/bin/python - <<'PY'
import cv2
import numpy as np
import onnx
import onnxruntime
import openvino
import tract
from onnx import TensorProto, checker, helper, version_converter
from onnx.reference import ReferenceEvaluator

x = np.zeros((1, 2, 2), np.float32)
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, x.shape) for name in "xy"]
graph = helper.make_graph([helper.make_node("Softmax", ["x"], ["y"], axis=1)], "g", ends[:1], ends[1:])
old = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
checker.check_model(old, full_check=True)


def outputs(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    raw, feed = model.SerializeToString(), {"x": x}
    session = onnxruntime.InferenceSession(raw, providers=["CPUExecutionProvider"])
    core = openvino.Core()
    net = cv2.dnn.readNetFromONNX(np.frombuffer(raw, np.uint8))
    net.setInput(x, "x")
    onnx.save(model, "model.onnx")
    runnable = tract.onnx().load("model.onnx").into_model().into_runnable()
    return {
        "onnxruntime": session.run(None, feed)[0],
        "tract": runnable.run([x])[0].to_numpy(),
        "openvino": core.compile_model(core.read_model(raw), "CPU")(feed)[0],
        "opencv": net.forward("y"),
        "reference": ReferenceEvaluator(model).run(None, feed)[0],
    }


wrong = {"openvino", "opencv", "reference"}
for name, y in outputs(old).items():
    print("opset 11", name, y.ravel())
    assert np.allclose(y, 1 / 2 if name in wrong else 1 / 4, atol=1e-6), "it changed"
for name, y in outputs(version_converter.convert_version(old, 13)).items():
    print("opset 13", name, y.ravel())
    assert np.allclose(y, 1 / 4, atol=1e-6), "it changed"
PY
echo "as seen"
