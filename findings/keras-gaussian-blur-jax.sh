#!/usr/bin/env bash
# keras.ops.image.gaussian_blur on JAX blurs along the width only, and channel 0 into the others.
#
# Expected: each channel by itself with a kernel of sum 1, over height and width
# (keras.io/api/ops/image), and the same on every backend. Keras's NumPy backend does that.
# Seen 2026-11-29 with keras 3.15.1, jax 0.10.2, default arguments: of a single 1 in channel 0 of 2, three
# numbers stay in its row, with sum 0.452, and three appear in channel 1. Convolution and pooling agree.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 keras==3.15.1 jax==0.10.2 scipy==1.17.1
cd "$work"
cat > blur.py <<'PY'
import numpy as np
from keras import ops

x = np.zeros((1, 5, 5, 2), np.float32)
x[0, 2, 2, 0] = 1
np.save("blurred.npy", ops.convert_to_numpy(ops.image.gaussian_blur(x)))
PY
cat > compare.py <<'PY'
import sys

import numpy as np

y = np.load("blurred.npy")[0]
bell = np.exp(-np.arange(-1, 2) ** 2 / 2)
bell /= bell.sum()
right = np.zeros((5, 5, 2))
right[1:4, 1:4, 0] = np.outer(bell, bell)
print(sys.argv[1], "sums by channel", y.sum((0, 1)), "rows that are not 0", np.flatnonzero(y[..., 0].any(1)))
if sys.argv[1] == "numpy":
    assert np.allclose(y, right, atol=1e-5)
else:
    assert list(np.flatnonzero(y[..., 0].any(1))) == [2] and np.count_nonzero(y[..., 1]) == 3, "it changed"
    assert np.allclose(y[2, 1:4, 0], bell[1] * bell, atol=1e-5), "it changed"
PY
for backend in numpy jax; do
    KERAS_BACKEND=$backend env/bin/python blur.py
    env/bin/python compare.py "$backend"
done
echo "as seen"
