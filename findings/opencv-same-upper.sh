#!/usr/bin/env bash
# OpenCV 5 pads auto_pad=SAME_UPPER at the start: it computes SAME_LOWER, in Conv and in pooling.
#
# Expected: where the padding is an odd number, SAME_UPPER has the extra row and column at the end
# and SAME_LOWER at the start (onnx.ai/onnx/operators/onnx__Conv.html). 4x4, kernel 3, stride 2 is
# padded by one: at the end. TensorFlow's "same" is SAME_UPPER, and its exporters write it so.
# Seen 2026-11-29 with opencv-python-headless 5.0.0.93, onnx 1.23.2: shapes are right, no word is
# said, and for Conv, MaxPool and AveragePool alike SAME_UPPER gives the numbers of SAME_LOWER:
#   MaxPool of 0..15: 5 7 13 15, where 10 11 14 15 is right. With explicit pads it is right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 opencv-python-headless==5.0.0.93
cd "$work"
env/bin/python - <<'PY'
import cv2
import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

x = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
ones = numpy_helper.from_array(np.ones((1, 1, 3, 3), np.float32), "w")


def opencv(op: str, **padding: object) -> np.ndarray:
    inputs = ["x", "w"] if op == "Conv" else ["x"]
    node = helper.make_node(op, inputs, ["y"], kernel_shape=[3, 3], strides=[2, 2], **padding)
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s)
            for n, s in (("x", x.shape), ("y", (1, 1, 2, 2)))]
    graph = helper.make_graph([node], "g", ends[:1], ends[1:], [ones] if op == "Conv" else [])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    net = cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
    net.setInput(x, "x")
    return net.forward("y")


def windows(reduce, start: int) -> np.ndarray:
    """Padding of one row and column, at the start or at the end, out of reach of `reduce`."""
    padded = np.pad(x[0, 0], [(start, 1 - start)] * 2, constant_values=np.nan)
    return np.array([[reduce(padded[i:i + 3, j:j + 3]) for j in (0, 2)] for i in (0, 2)])


for op, reduce in {"Conv": np.nansum, "MaxPool": np.nanmax, "AveragePool": np.nanmean}.items():
    end, start = windows(reduce, 0), windows(reduce, 1)
    upper, lower = opencv(op, auto_pad="SAME_UPPER"), opencv(op, auto_pad="SAME_LOWER")
    explicit = opencv(op, pads=[0, 0, 1, 1])
    print(op, "SAME_UPPER", upper.ravel(), "right", end.ravel())
    assert np.allclose(lower[0, 0], start), "SAME_LOWER is right"
    assert np.allclose(explicit[0, 0], end), "explicit pads are right"
    assert np.allclose(upper[0, 0], start) and not np.allclose(upper[0, 0], end), "it changed"
PY
echo "as seen"
