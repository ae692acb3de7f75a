#!/usr/bin/env bash
# MNN's reader of Caffe files does not read some fields, and computes another net without a word.
#
# Expected (caffe/src/caffe/layers): MVN subtracts the mean; LRN adds k; Scale goes along its axis; pad
# and dilation of two numbers are height's and width's; pooling with round_mode FLOOR drops the last
# window; a layer that is excluded in the phase TEST does not run.
# Seen 2026-12-01 with MNN 3.6.1 (mnnconvert -f CAFFE; status 0 throughout): MVN divides x itself by the
# deviation, k is 1, a Scale along the width goes along the channels, the two numbers of pad and dilation
# are swapped, FLOOR gives CEIL's map, and the excluded layer runs, in place.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 MNN==3.6.1
cd "$work"
cat >net.py <<'PY'
import os

import _tools  # not MNN.tools: that installs packages
import MNN
import numpy as np

rng = np.random.default_rng(0)
x = rng.uniform(0.5, 2, (1, 4, 6, 4)).astype(np.float32)
mean, deviation = x.mean((2, 3), keepdims=True), x.std((2, 3), keepdims=True)
factor = np.float32([2, 3, 5, 7])
weight = rng.normal(size=(4, 1, 3, 3)).astype(np.float32)


def field(number: int, payload: bytes) -> bytes:
    """A field of protobuf that has a length (below 16384)."""
    size = len(payload)
    return bytes([number << 3 | 2, size % 128 | 128, size // 128]) + payload


def caffemodel(kind: str, array: np.ndarray | None) -> bytes:
    """A NetParameter with the layer y and its blob (caffe.proto: layer 100, blobs 7, shape 7, data 5)."""
    layer = field(1, b"y") + field(2, kind.encode())
    if array is not None:
        shape = field(1, bytes(array.shape))
        layer += field(7, field(5, array.tobytes()) + field(7, shape))
    return field(1, b"net") + b"\xa2\x06" + field(0, layer)[1:]


def run(kind: str, text: str, array: np.ndarray | None = None) -> np.ndarray:
    layer = text if text.startswith("layer") else f'layer {{ name: "y" type: "{kind}" bottom: "x" top: "y" {text} }}'
    with open("net.prototxt", "w") as file:
        file.write('name: "net"\nlayer { name: "x" type: "Input" top: "x" input_param '
                   "{ shape { dim: 1 dim: 4 dim: 6 dim: 4 } } }\n" + layer)
    with open("net.caffemodel", "wb") as file:
        file.write(caffemodel(kind, array))
    _tools.mnnconvert(["mnnconvert", "-f", "CAFFE", "--modelFile", "net.caffemodel", "--prototxt", "net.prototxt",
                       "--MNNModel", "net.mnn", "--bizCode", "none"])
    net = MNN.Interpreter("net.mnn")
    session = net.createSession({"numThread": 1, "precision": "high"})
    kind = MNN.Halide_Type_Float, MNN.Tensor_DimensionType_Caffe
    net.getSessionInput(session).copyFrom(MNN.Tensor(x.shape, kind[0], x, kind[1]))
    assert net.runSession(session) == 0
    output = net.getSessionOutput(session)
    value = MNN.Tensor(output.getShape(), kind[0], np.zeros(output.getShape(), np.float32), kind[1])
    output.copyToHostTensor(value)
    os.remove("net.mnn")
    return np.array(value.getData()).reshape(output.getShape())


def lrn(k: float) -> np.ndarray:
    deep = np.pad(x**2, ((0, 0), (1, 1), (0, 0), (0, 0)))
    return x / np.sqrt(k + sum(deep[:, i : i + 4] for i in range(3)) / 3)


def conv(vertical: int, across: int) -> np.ndarray:
    """A depthwise 3x3 convolution whose pads are its dilations."""
    padded = np.pad(x, ((0, 0), (0, 0), (vertical, vertical), (across, across)))
    return sum(weight[:, 0, i, j, None, None] * padded[:, :, i * vertical : i * vertical + 6, j * across : j * across + 4]
               for i in range(3) for j in range(3))


def floor(array: np.ndarray) -> np.ndarray:
    return np.max([array[:, :, i : i + 5 : 2, j : j + 3 : 2][:, :, :2, :1] for i in range(3) for j in range(3)], 0)


maps = np.pad(x, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=-np.inf)
ceil = np.max([maps[:, :, i : i + 6 : 2, j : j + 4 : 2][:, :, :3, :2] for i in range(3) for j in range(3)], 0)
power = 'layer { name: "t" type: "Power" bottom: "x" top: "x" power_param { scale: 10 } exclude { phase: TEST } }'
CASES = [  # type, text, blob, Caffe's result, MNN's
    ("MVN", "", None, (x - mean) / (deviation + 1e-9), x / deviation),
    ("LRN", "lrn_param { local_size: 3 alpha: 1 beta: 0.5 k: 4 }", None, lrn(4), lrn(1)),
    ("Scale", "scale_param { axis: 3 }", factor, x * factor, x * factor[:, None, None]),
    ("Convolution", "convolution_param { num_output: 4 group: 4 bias_term: false kernel_size: 3 "
     "pad: 2 pad: 1 dilation: 2 dilation: 1 }", weight, conv(2, 1), conv(1, 2)),
    ("Pooling", "pooling_param { pool: MAX kernel_size: 3 stride: 2 round_mode: FLOOR }", None, floor(x), ceil),
    ("ReLU", power + ' layer { name: "y" type: "ReLU" bottom: "x" top: "y" }', None, x, 10 * x),
]
for kind, text, blob, right, seen in CASES:
    y = run(kind, text, blob)
    off = np.abs(y - right).max() if y.shape == right.shape else f"{y.shape} for {right.shape}"
    print("RESULT", kind, off, "to what was seen", np.abs(y - seen).max() if y.shape == seen.shape else y.shape)
    assert y.shape != right.shape or not np.allclose(y, right, atol=1e-3), "it changed"
    assert y.shape == seen.shape and np.allclose(y, seen, atol=1e-4), "it changed"
PY
env/bin/python net.py >log || { cat log; exit 1; }
sed -n 's/^RESULT //p' log
echo "as seen"
