#!/usr/bin/env bash
# caffe-onnx leaves out the layers that it does not know, joins what is around them, and ends with 0.
#
# Expected: slices at channel 2, swapped and joined again, or a refusal that names Slice
# (caffe.berkeleyvision.org/tutorial/layers/slice.html).
# Seen 2026-11-30 with caffe-onnx 0.1.2, of 2026: the Slice is gone, both bottoms of the Concat too but
# the input of the net, and the channels come out as they went in, in the right shape. A Power that
# multiplies by 3 is left out likewise. Exit status 0, and no word beside those about success.
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

INPUT = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 2 dim: 2 } } }\n'
SWAP = INPUT + """
layer { name: "s" type: "Slice" bottom: "data" top: "x" top: "y" slice_param { slice_point: 2 } }
layer { name: "out" type: "Concat" bottom: "y" bottom: "x" top: "out" }
"""
TRIPLE = INPUT + """
layer { name: "p" type: "Power" bottom: "data" top: "p" power_param { scale: 3 } }
layer { name: "out" type: "ReLU" bottom: "p" top: "out" }
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


x = np.arange(12, dtype=np.float32).reshape(1, 3, 2, 2)
for name, text, right in (("Slice", SWAP, x[:, [2, 0, 1]]), ("Power", TRIPLE, 3 * x)):
    y = convert(text, {}).run(None, {"data": x})[0]
    print(name, "gives", y.ravel(), "right is", right.ravel())
    assert y.shape == right.shape
    assert not np.allclose(y, right)
    assert np.array_equal(y, x), "it changed"
PY
echo "as seen"
