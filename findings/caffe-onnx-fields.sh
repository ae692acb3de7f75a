#!/usr/bin/env bash
# caffe-onnx does not read some fields, and converts another net without a word: it adds where the net
# subtracts, for one.
#
# Expected (caffe/src/caffe/layers): coeff 1 and -1 make an Eltwise SUM the difference; norm_region
# WITHIN_CHANNEL has LRN sum over a window of each map; with stride_h 2, stride_w 1 a kernel of 1 by 1
# takes every other row; an average pooling divides by the whole window, padding counted.
# Seen 2026-11-30 with caffe-onnx 0.1.2, of 2026: the plain sum; LRN across channels; all 4 rows, not 2;
# and AveragePool without count_include_pad, so that a corner is divided by 4, not by 9. All but the
# strides are in the right shape, and the exit status is 0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile caffe-onnx==0.1.2 netron==9.3.3 numpy==2.4.6 onnx==1.17.0 onnxruntime==1.26.0 protobuf==3.20.3
cd "$work"
env/bin/python - <<'PY'
import subprocess

import numpy as np
import onnxruntime
from google.protobuf import text_format
from proto import caffe_pb2 as caffe

INPUT = 'layer { name: "%s" type: "Input" top: "%s" input_param { shape { dim: 1 dim: %d dim: 4 dim: 4 } } }\n'
A = INPUT % ("a", "a", 3)
ONE = INPUT % ("a", "a", 1)
DIFFERENCE = A + INPUT % ("b", "b", 3) + """
layer { name: "out" type: "Eltwise" bottom: "a" bottom: "b" top: "out"
  eltwise_param { operation: SUM coeff: 1 coeff: -1 } }
"""
WITHIN = A + """
layer { name: "out" type: "LRN" bottom: "a" top: "out"
  lrn_param { local_size: 3 alpha: 1 beta: 0.5 norm_region: WITHIN_CHANNEL } }
"""
STRIDES = ONE + """
layer { name: "out" type: "Convolution" bottom: "a" top: "out"
  convolution_param { num_output: 1 bias_term: false kernel_size: 1 stride_h: 2 stride_w: 1 } }
"""
AVERAGE = ONE + """
layer { name: "out" type: "Pooling" bottom: "a" top: "out"
  pooling_param { pool: AVE kernel_size: 3 stride: 1 pad: 1 } }
"""


def run(text: str, kernel: float | None = None, **feeds: np.ndarray) -> np.ndarray:
    """The net by the command that the package installs, in onnxruntime; its kernel is one number."""
    net = text_format.Parse(text, caffe.NetParameter())
    with open("net.prototxt", "w") as file:
        file.write(text)
    if kernel is not None:
        blob = net.layer[-1].blobs.add()
        blob.shape.dim.extend((1, 1, 1, 1))
        blob.data.append(kernel)
    with open("net.caffemodel", "wb") as file:
        file.write(net.SerializeToString())
    subprocess.run(["env/bin/python", "env/bin/caffe2onnx", "net.prototxt", "net.caffemodel", "net", "."], check=True)
    return onnxruntime.InferenceSession("net.onnx", providers=["CPUExecutionProvider"]).run(None, feeds)[0]


a, b = np.random.default_rng(0).random((2, 1, 3, 4, 4), np.float32)
y = run(DIFFERENCE, a=a, b=b)
print("Eltwise: a, b, out", a[0, 0, 0, 0], b[0, 0, 0, 0], y[0, 0, 0, 0])
assert not np.allclose(y, a - b)
assert np.allclose(y, a + b), "it changed"

y = run(WITHIN, a=a)
wide = np.pad(a**2, ((0, 0), (0, 0), (1, 1), (1, 1)))
within = sum(wide[..., i : i + 4, j : j + 4] for i in range(3) for j in range(3)) / 9
deep = np.pad(a**2, ((0, 0), (1, 1), (0, 0), (0, 0)))
across = sum(deep[:, i : i + 3] for i in range(3)) / 3
print("LRN", y[0, 0, 0, :2], "right is", (a / np.sqrt(1 + within))[0, 0, 0, :2])
assert not np.allclose(y, a / np.sqrt(1 + within), atol=1e-3)
assert np.allclose(y, a / np.sqrt(1 + across), atol=1e-5), "it changed"

x = np.arange(1, 17, dtype=np.float32).reshape(1, 1, 4, 4)
y = run(STRIDES, 2, a=x)
print("Convolution: rows", y.shape[2], "right is", x[:, :, ::2].shape[2])
assert np.array_equal(y, 2 * x), "it changed"

y = run(AVERAGE, a=x)
corner = x[0, 0, :2, :2].sum()
print("Pooling: corner", y[0, 0, 0, 0], "right is", corner / 9)
assert y.shape == x.shape
assert np.isclose(y[0, 0, 0, 0], corner / 4), "it changed"
PY
echo "as seen"
