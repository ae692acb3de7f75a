#!/usr/bin/env bash
# OpenCV 5 leaves out the padding of a 1x1 convolution, and gives an array of the right shape.
#
# Expected: pads surround the image with zeros, so a border of the output is the bias alone
# (onnx.ai/onnx/operators/onnx__Conv.html). 4x4 with pads of 1 is 6x6.
# Seen 2026-11-30 with opencv-python-headless 5.0.0.93, onnx 1.23.2: a 6x6 map without a word, whose
# first numbers are those of the 4x4 map without padding, in a row. opencv-python-headless 4.14.0.94 and
# onnxruntime 1.32.0 are right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for version in 5.0.0.93 4.14.0.94; do
    python3 -m venv --without-pip "$work/$version"
    python3 -m pip --python "$work/$version" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 opencv-python-headless==$version
done
cd "$work"
cat >conv.py <<'PY'
import sys

import cv2
import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

rng = np.random.default_rng(0)
x = rng.normal(size=(1, 3, 4, 4)).astype(np.float32)
weight = rng.normal(size=(2, 3, 1, 1)).astype(np.float32)
bias = np.float32([1, -2])

ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", x.shape), ("y", (1, 2, 6, 6)))]
tensors = [numpy_helper.from_array(array, name) for array, name in ((weight, "w"), (bias, "b"))]
node = helper.make_node("Conv", ["x", "w", "b"], ["y"], kernel_shape=[1, 1], pads=[1, 1, 1, 1])
graph = helper.make_graph([node], "g", ends[:1], ends[1:], tensors)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
checker.check_model(model, full_check=True)
net = cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
net.setInput(x, "x")
y = net.forward("y")

inner = np.einsum("oc,nchw->nohw", weight[:, :, 0, 0], x) + bias[:, None, None]
right = np.broadcast_to(bias[:, None, None], (1, 2, 6, 6)).copy()
right[:, :, 1:-1, 1:-1] = inner
print(cv2.__version__, "first row", y[0, 0, 0], "right", right[0, 0, 0])
assert y.shape == right.shape
if sys.argv[1].startswith("5."):
    assert np.allclose(y.ravel()[:6], inner.ravel()[:6], atol=1e-5), "it changed"
    assert not np.allclose(y, right, atol=1e-3), "it changed"
else:
    assert np.allclose(y, right, atol=1e-5), "OpenCV 4 is right"
PY
for version in 5.0.0.93 4.14.0.94; do "$version/bin/python" conv.py "$version"; done
echo "as seen"
