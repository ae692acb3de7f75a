#!/usr/bin/env bash
# Keras on OpenVINO: images are resized by other rules than on Keras's other backends.
#
# Expected: one model gives the same on all backends. TensorFlow and JAX take for nearest the pixel at
# floor((i + 0.5) * size / new size), and give taps of a bicubic that lie outside to the others.
# Seen 2026-12-01 with keras 3.15.1 on openvino 2026.4.1: a nearest resize to a smaller size takes the
# next pixel, at the ceil: 5 pixels become others for 2, 3 and 4, and the same for 10. Bicubic repeats the
# pixel of the border, in keras.layers.Resizing and UpSampling2D: off by 0.13 of 16. No warning. On
# jax 0.10.2 and tensorflow 2.21.0 the same code does as expected.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile keras==3.15.1 openvino==2026.4.1 jax==0.10.2 numpy==2.4.6
cd "$work"
cat >resize.py <<'PY'
import keras
import numpy as np

x = np.float32([0, 1, 4, 9, 16])
seen = keras.backend.backend() == "openvino"


def cubic(distance: np.ndarray) -> np.ndarray:
    """Keys's kernel with a = -0.5."""
    d = np.abs(distance)
    near, far = 1.5 * d**3 - 2.5 * d**2 + 1, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    return np.where(d < 1, near, np.where(d < 2, far, 0))


def bicubic(size: int, repeated: bool) -> np.ndarray:
    at = (np.arange(size) + 0.5) * 5 / size - 0.5
    padded, places = (np.pad(x, 3, "edge"), np.arange(-3, 8)) if repeated else (x, np.arange(5))
    weights = cubic(at[:, None] - places)
    return weights @ padded / weights.sum(1)


def resized(size: int, mode: str) -> np.ndarray:
    layer = keras.layers.Resizing(1, size, interpolation=mode)
    return np.array(keras.ops.convert_to_numpy(layer(x.reshape(1, 1, 5, 1)))).ravel()


for size in (2, 3, 4, 10):
    at = (np.arange(size) + 0.5) * 5 / size
    right = x[np.floor(at).astype(int)]
    other = x[np.minimum(np.ceil(at).astype(int), 4)] if size < 5 else right
    y = resized(size, "nearest")
    print(keras.backend.backend(), "nearest", size, y, "right", right)
    assert np.array_equal(y, other if seen else right), "it changed"
    assert size == 10 or not np.array_equal(other, right)

right, other = bicubic(10, False), bicubic(10, True)
both = [resized(10, "bicubic")]
up = keras.layers.UpSampling2D((1, 2), interpolation="bicubic")
both.append(np.array(keras.ops.convert_to_numpy(up(x.reshape(1, 1, 5, 1)))).ravel())
for y in both:
    print(keras.backend.backend(), "bicubic off by", np.abs(y - right).max())
    assert np.allclose(y, other if seen else right, atol=1e-4), "it changed"
assert not np.allclose(other, right, atol=1e-2)
PY
for backend in jax openvino; do KERAS_BACKEND=$backend env/bin/python resize.py; done
echo "as seen"
