#!/usr/bin/env bash
# caffe-onnx: a convolution's stride_h and stride_w become 1 by 1, and padding is left out of averages.
#
# Expected: with stride_h 2, stride_w 1 a kernel of 1 by 1 takes every other row
# (caffe/src/caffe/layers/base_conv_layer.cpp); an average pooling divides by the whole window, padding
# counted as far as the border goes (pooling_layer.cpp).
# Seen 2026-11-30 with caffe-onnx 0.1.2: all 4 rows, not 2; and AveragePool without count_include_pad,
# so that a corner is divided by 4, not by 9. The output of a pooling is in the right shape.
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

INPUT = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 1 dim: 4 dim: 4 } } }\n'
STRIDES = INPUT + """
layer { name: "out" type: "Convolution" bottom: "data" top: "out"
  convolution_param { num_output: 1 bias_term: false kernel_size: 1 stride_h: 2 stride_w: 1 } }
"""
AVERAGE = INPUT + """
layer { name: "out" type: "Pooling" bottom: "data" top: "out"
  pooling_param { pool: AVE kernel_size: 3 stride: 1 pad: 1 } }
"""


def convert(text: str, weights: dict[str, np.ndarray]) -> onnxruntime.InferenceSession:
    """The net by the command that the package installs; weights by the layer's name."""
    net = text_format.Parse(text, caffe.NetParameter())
    with open("net.prototxt", "w") as file:
        file.write(text)
    for layer in net.layer:
        if layer.name in weights:
            blob = layer.blobs.add()
            blob.shape.dim.extend(weights[layer.name].shape)
            blob.data.extend(weights[layer.name].ravel().tolist())
    with open("net.caffemodel", "wb") as file:
        file.write(net.SerializeToString())
    subprocess.run(["env/bin/python", "env/bin/caffe2onnx", "net.prototxt", "net.caffemodel", "net", "."], check=True)
    return onnxruntime.InferenceSession("net.onnx", providers=["CPUExecutionProvider"])


x = np.arange(1, 17, dtype=np.float32).reshape(1, 1, 4, 4)
y = convert(STRIDES, {"out": np.full((1, 1, 1, 1), 2)}).run(None, {"data": x})[0]
print("rows", y.shape[2], "right is", x[:, :, ::2].shape[2])
assert np.array_equal(y, 2 * x), "it changed"

y = convert(AVERAGE, {}).run(None, {"data": x})[0]
corner = x[0, 0, :2, :2].sum()
print("corner", y[0, 0, 0, 0], "right is", corner / 9)
assert y.shape == x.shape
assert np.isclose(y[0, 0, 0, 0], corner / 4), "it changed"
PY
echo "as seen"
