#!/usr/bin/env bash
# ConvTranspose with output_shape: OpenCV 5 gives another shape, tract the right shape shifted by one.
#
# Expected: output_shape makes the pads; unless auto_pad is SAME_UPPER the odd one is at the start
# (onnx.ai/onnx/operators/onnx__ConvTranspose.html). 3 columns, stride 2, kernel 3 make 7; for 6 the
# first goes. TensorFlow's exporters write output_shape.
# Seen 2026-11-29 for 1 2 3 with the kernel 1 10 100, rows of height 1:
#   onnxruntime 1.32.0, openvino 2026.4.1:       10 102 20 203 30 300
#   tract 0.23.9:                              1 10 102 20 203 30
#   opencv-python-headless 5.0.0.93: 2 rows of 8 columns where 1 row of 6 is asked for: it takes the
#   wish as a bound for output_padding. No word from either.
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
from onnx import TensorProto, checker, helper, numpy_helper

x = np.array([1, 2, 3], np.float32).reshape(1, 1, 1, 3)
kernel = np.array([1, 10, 100], np.float32).reshape(1, 1, 1, 3)
node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[1, 2], output_shape=[1, 6])
graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
                          [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 1, 1, 6))],
                          [numpy_helper.from_array(kernel, "w")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
checker.check_model(model, full_check=True)
onnx.save(model, "model.onnx")

full = np.zeros(7, np.float32)
for at, value in enumerate(x.ravel()):
    full[2 * at:2 * at + 3] += value * kernel.ravel()
core = openvino.Core()
net = cv2.dnn.readNetFromONNX("model.onnx")
net.setInput(x, "x")
session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
ort = session.run(None, {"x": x})[0]
vino = core.compile_model(core.read_model("model.onnx"), "CPU")({"x": x})[0]
snips = tract.onnx().load("model.onnx").into_model().into_runnable().run([x])[0].to_numpy()
opencv = net.forward("y")
for name, y in (("onnxruntime", ort), ("openvino", vino), ("tract", snips), ("opencv", opencv)):
    print(name, y.shape, y.ravel())
assert np.allclose(ort.ravel(), full[1:]) and np.allclose(vino.ravel(), full[1:])
assert snips.shape == (1, 1, 1, 6) and np.allclose(snips.ravel(), full[:6]), "tract changed"
assert opencv.shape == (1, 1, 2, 8), "OpenCV changed"
PY
echo "as seen"
