#!/usr/bin/env bash
# OpenCV 4 multiplies an array of one axis by a number, and every element of the result is the first.
#
# Expected: a scalar is broadcast along the axis (onnx.ai/onnx/repo-docs/Broadcasting.html).
# Seen 2026-11-30 with opencv-python-headless 4.14.0.94, onnx 1.23.2: a sum over all axes but the
# first, times 60, has the first image's number for each, without a word. With the axis kept until
# behind the product it is right, and so is opencv-python-headless 5.0.0.93 on both.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for version in 4.14.0.94 5.0.0.93; do
    python3 -m venv --without-pip "$work/$version"
    python3 -m pip --python "$work/$version" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 opencv-python-headless==$version
done
cd "$work"
cat >product.py <<'PY'
import sys

import cv2
import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

x = np.random.default_rng(0).normal(size=(3, 60)).astype(np.float32)
right = x.mean(1) * 60


def result(kept):
    """The mean of each row times 60: of an array of one axis, or of two and then without the other."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], axes=[1], keepdims=int(kept)),
        helper.make_node("Mul", ["m", "n"], ["p" if kept else "y"]),
        *([helper.make_node("Squeeze", ["p", "axes"], ["y"])] if kept else []),
    ]
    tensors = [numpy_helper.from_array(np.float32(60), "n")]
    tensors += [numpy_helper.from_array(np.int64([1]), "axes")] if kept else []
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in (("x", x.shape), ("y", right.shape))]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    net = cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
    net.setInput(x, "x")
    return net.forward("y").ravel()


one, kept = result(False), result(True)
print(cv2.__version__, "one axis", one, "kept", kept, "right", right)
assert np.allclose(kept, right, atol=1e-4), "it changed"
if sys.argv[1].startswith("4."):
    assert np.allclose(one, right[0], atol=1e-4), "it changed"
    assert not np.allclose(one, right, atol=1e-3), "it changed"
else:
    assert np.allclose(one, right, atol=1e-4), "OpenCV 5 is right"
PY
for version in 4.14.0.94 5.0.0.93; do "$version/bin/python" product.py "$version"; done
echo "as seen"
