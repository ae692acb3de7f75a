#!/usr/bin/env bash
# keras.ops.add on TensorFlow adds an operand along another axis than broadcasting says.
#
# Expected: shapes are aligned at their ends (numpy.org, broadcasting), and y + x is x + y.
# Seen 2026-11-30 with keras 3.15.1, tensorflow 2.21.0: (4, 4, 4) + (1, 4, 1) is added along the last axis,
# without a word, and (1, 4, 1) + (4, 4, 4) is right. So is the sum where the last axis has another size.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.2.6 keras==3.15.1 tensorflow==2.21.0
cd "$work"
cat > add.py <<'PY'
import numpy as np
from keras import ops

y = np.arange(4, dtype=np.float32).reshape(1, 4, 1)
for last in (4, 5):
    x = np.zeros((4, 4, last), np.float32)
    one, other = (ops.convert_to_numpy(ops.add(*pair)) for pair in ((x, y), (y, x)))
    print(x.shape, "x + y right:", np.array_equal(one, x + y), "y + x right:", np.array_equal(other, x + y))
    assert np.array_equal(other, x + y), "it changed"
    assert np.array_equal(one, x + y) == (last == 5), "it changed"
    if last == 4:
        assert np.array_equal(one, x + y.reshape(1, 1, 4)), "it changed"
PY
TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=-1 KERAS_BACKEND=tensorflow env/bin/python add.py
echo "as seen"
