#!/usr/bin/env bash
# Keras on OpenVINO: products of negative numbers and determinants below 0 come out as another number.
#
# Expected (keras.io/api/ops): cumprod is NumPy's, over the flattened array where it has no axis; the
# second result of slogdet is the logarithm of the determinant's absolute value.
# Seen 2026-12-01 with keras 3.15.1 on openvino 2026.4.1: cumprod of [2, -1, 3] in int32 ends in
# -2147483648, and of [[2, -1], [3, -2]] in float32 in nan behind the first -1, while axis=1 is right;
# slogdet of a matrix whose determinant is -7 says -86.8 and not 1.95. No warning, no error.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile keras==3.15.1 openvino==2026.4.1 scipy==1.17.1 numpy==2.4.6
cd "$work"
cat >negative.py <<'PY'
import keras
import numpy as np
from keras import ops


def array(value) -> np.ndarray:
    return np.array(ops.convert_to_numpy(value))


assert keras.backend.backend() == "openvino"
whole = np.int32([2, -1, 3])
y = array(ops.cumprod(whole))
print("cumprod of int32", y, "right", whole.cumprod())
assert y[0] == 2 and (y[1:] == np.iinfo(np.int32).min).all(), "it changed"

x = np.float32([[2, -1], [3, -2]])
y = array(ops.cumprod(x))
print("cumprod of float32", y, "right", x.cumprod(), "by rows", array(ops.cumprod(x, axis=1)).tolist())
assert y[0] == 2 and np.isnan(y[1:]).all(), "it changed"
assert np.array_equal(array(ops.cumprod(x, axis=1)), x.cumprod(1))
assert np.array_equal(array(ops.cumprod(np.abs(x))), np.abs(x).cumprod())

for matrix in (np.float32([[2, 1], [1, -3]]), np.float32([[2, 1], [1, 3]])):
    sign, log = (float(array(value)) for value in ops.slogdet(matrix))
    right = np.linalg.slogdet(matrix)
    print("slogdet", sign, log, "right", *right)
    assert sign == right.sign
    if right.sign > 0:
        assert abs(log - right.logabsdet) < 1e-5
    else:
        assert log < -80, "it changed"
PY
KERAS_BACKEND=openvino env/bin/python negative.py
echo "as seen"
