#!/usr/bin/env bash
# OpenCV 4's reader of Caffe files does not read some fields, and computes another net without a word.
#
# Expected (caffe/src/caffe/layers): LRN with k, and with alpha 1 where it is left out; Log with its base,
# scale and shift; Swish with beta; MVN divides by the deviation plus eps; InnerProduct's transpose; a
# layer that is excluded in the phase TEST does not run.
# Seen 2026-11-30 with opencv-python-headless 4.14.0.94: k is 1, a missing alpha 0.0001, Log the natural
# logarithm of its input, beta 1, eps is added to the variance, and the excluded layer runs, in place.
# OpenCV 5 has no such reader.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 opencv-python-headless==4.14.0.94
cd "$work"
env/bin/python - <<'PY'
import cv2
import numpy as np

x = np.random.default_rng(0).uniform(0.5, 2, (1, 4, 3, 3)).astype(np.float32)
mean, variance = x.mean((2, 3), keepdims=True), x.var((2, 3), keepdims=True)


def lrn(k: float, size: int, alpha: float, beta: float) -> np.ndarray:
    deep = np.pad(x**2, ((0, 0), (size // 2, size // 2), (0, 0), (0, 0)))
    return x / (k + alpha / size * sum(deep[:, i : i + 4] for i in range(size))) ** beta


def run(layer: str) -> np.ndarray:
    data = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 4 dim: 3 dim: 3 } } }\n'
    with open("net.prototxt", "w") as file:
        file.write(data + layer)
    net = cv2.dnn.readNetFromCaffe("net.prototxt")
    net.setInput(x, "x")
    return net.forward()


CASES = [  # the layer, Caffe's result, OpenCV's
    ('type: "LRN" lrn_param { local_size: 3 alpha: 1 beta: 0.5 k: 4 }', lrn(4, 3, 1, 0.5), lrn(1, 3, 1, 0.5)),
    ('type: "LRN"', lrn(1, 5, 1, 0.75), lrn(1, 5, 1e-4, 0.75)),
    ('type: "Log" log_param { base: 10 scale: 3 shift: 0.5 }', np.log10(3 * x + 0.5), np.log(x)),
    ('type: "Swish" swish_param { beta: 2 }', x / (1 + np.exp(-2 * x)), x / (1 + np.exp(-x))),
    ('type: "MVN" mvn_param { eps: 0.5 }', (x - mean) / (np.sqrt(variance) + 0.5), (x - mean) / np.sqrt(variance + 0.5)),
]
for text, right, seen in CASES:
    y = run(f'layer {{ name: "y" bottom: "x" top: "y" {text} }}')
    print(text, "off by", np.abs(y - right).max())
    assert not np.allclose(y, right, atol=1e-3)
    assert np.allclose(y, seen, atol=1e-5), "it changed"

y = run("""
layer { name: "t" type: "Power" bottom: "x" top: "x" power_param { scale: 10 } exclude { phase: TEST } }
layer { name: "y" type: "ReLU" bottom: "x" top: "y" }
""")
print("excluded layer: off by", np.abs(y - x).max())
assert np.allclose(y, 10 * x), "it changed"
PY
echo "as seen"
