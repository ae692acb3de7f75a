#!/usr/bin/env bash
# caffe-onnx adds where the net subtracts: it does not read the coefficients of Eltwise.
#
# Expected: coeff 1 and -1 make SUM the difference (caffe.berkeleyvision.org/tutorial/layers/eltwise.html).
# Seen 2026-11-30 with caffe-onnx 0.1.2: the plain sum, in the right shape. Nor does it read
# norm_region of LRN: WITHIN_CHANNEL is written as ONNX's LRN, which runs across channels.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile caffe-onnx==0.1.2 netron==9.3.3 numpy==2.4.6 onnx==1.17.0 onnxruntime==1.26.0 protobuf==3.20.3
cd "$work"
env/bin/python - <<'PY'
import subprocess

import numpy as np
import onnx
import onnxruntime
from google.protobuf import text_format
from proto import caffe_pb2 as caffe

INPUT = 'layer { name: "%s" type: "Input" top: "%s" input_param { shape { dim: 1 dim: 3 dim: 6 dim: 6 } } }\n'
DIFFERENCE = INPUT % ("a", "a") + INPUT % ("b", "b") + """
layer { name: "out" type: "Eltwise" bottom: "a" bottom: "b" top: "out"
  eltwise_param { operation: SUM coeff: 1 coeff: -1 } }
"""
WITHIN = INPUT % ("a", "a") + """
layer { name: "out" type: "LRN" bottom: "a" top: "out"
  lrn_param { local_size: 3 alpha: 1 beta: 0.5 norm_region: WITHIN_CHANNEL } }
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


a, b = np.random.default_rng(0).random((2, 1, 3, 6, 6), np.float32)
y = convert(DIFFERENCE, {}).run(None, {"a": a, "b": b})[0]
print("a, b, out", a[0, 0, 0, 0], b[0, 0, 0, 0], y[0, 0, 0, 0])
assert not np.allclose(y, a - b)
assert np.allclose(y, a + b), "it changed"

y = convert(WITHIN, {}).run(None, {"a": a})[0]
squares = np.pad(a**2, ((0, 0), (0, 0), (1, 1), (1, 1)))
within = sum(squares[..., i : i + 6, j : j + 6] for i in range(3) for j in range(3)) / 9
deep = np.pad(a**2, ((0, 0), (1, 1), (0, 0), (0, 0)))
across = sum(deep[:, i : i + 3] for i in range(3)) / 3
print("LRN", y[0, 0, 0, :3], "within", (a / np.sqrt(1 + within))[0, 0, 0, :3])
assert not np.allclose(y, a / np.sqrt(1 + within), atol=1e-3)
assert np.allclose(y, a / np.sqrt(1 + across), atol=1e-5), "it changed"
assert [node.op_type for node in onnx.load("net.onnx").graph.node] == ["LRN"]
PY
echo "as seen"
