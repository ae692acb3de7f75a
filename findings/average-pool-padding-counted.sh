#!/usr/bin/env bash
# AveragePool that counts its padding: OpenCV 4 never does, MNN not where the pads are asymmetric.
#
# Expected: with count_include_pad = 1 every window is divided by its size, 9, so a map of ones has
# less than 1 where a window reaches into the padding (onnx.ai/onnx/operators/onnx__AveragePool.html).
# Seen 2026-11-30, without a word, shapes being right:
#   opencv-python-headless 4.14.0.94: 1 everywhere, with symmetric and with asymmetric pads.
#   MNN 3.6.1: 1 everywhere with pads 0 0 1 1, and right with 1 1 1 1.
#   opencv-python-headless 5.0.0.93, onnxruntime 1.32.0: right.
# Caffe's own average pooling counts padding in this way, and rounds up: its pads are asymmetric.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for package in onnx==1.23.2 opencv-python-headless==4.14.0.94 opencv-python-headless==5.0.0.93 MNN==3.6.1; do
    python3 -m venv --without-pip "$work/${package%%.*}"
    python3 -m pip --python "$work/${package%%.*}" install --quiet --no-compile numpy==2.4.6 "$package"
done
cd "$work"
"onnx==1/bin/python" - <<'PY'
import onnx
from onnx import TensorProto, checker, helper

for name, pads, strides, size in (("symmetric", [1, 1, 1, 1], [1, 1], 4),
                                  ("asymmetric", [0, 0, 1, 1], [2, 2], 2)):
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 1, s, s])
            for n, s in (("x", 4), ("y", size))]
    node = helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], strides=strides,
                            pads=pads, count_include_pad=1)
    graph = helper.make_graph([node], "g", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    onnx.save(model, f"{name}.onnx")
PY
cat >pool.py <<'PY'
import sys

import numpy as np

x = np.ones((1, 1, 4, 4), np.float32)
SIDES = {"symmetric": np.array([2, 3, 3, 2]), "asymmetric": np.array([3, 2])}  # pixels in a window


def opencv(name: str) -> np.ndarray:
    import cv2

    net = cv2.dnn.readNetFromONNX(f"{name}.onnx")
    net.setInput(x, "x")
    return net.forward("y")


def mnn(name: str) -> np.ndarray:
    import _tools  # not MNN.tools, which installs packages when it is imported
    import MNN

    _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", f"{name}.onnx",
                       "--MNNModel", f"{name}.mnn", "--bizCode", "none"])
    net = MNN.nn.load_module_from_file(f"{name}.mnn", ["x"], ["y"])
    (y,) = net.forward([MNN.expr.const(x, list(x.shape), MNN.expr.NCHW)])
    return MNN.expr.convert(y, MNN.expr.NCHW).read()


run = {"opencv": opencv, "mnn": mnn}[sys.argv[1]]
for name, sides in SIDES.items():
    right, y = np.outer(sides, sides) / 9, run(name)[0, 0]
    print(sys.argv[1], name, y.ravel()[:4], "right", right.ravel()[:4])
    if name in sys.argv[2:]:
        assert np.allclose(y, 1), "it changed"
    else:
        assert np.allclose(y, right, atol=1e-5), "it changed"
PY
"opencv-python-headless==4/bin/python" pool.py opencv symmetric asymmetric
"opencv-python-headless==5/bin/python" pool.py opencv
"MNN==3/bin/python" pool.py mnn asymmetric 2>&1 | grep "^mnn"
echo "as seen"
