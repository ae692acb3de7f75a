#!/usr/bin/env bash
# Keras gives a functional model's functions of bits the shape of their first operand alone.
#
# Expected: that of both, broadcast, as when the model runs and as add has it (keras.io/api/ops). A layer
# behind it, such as Reshape or Dense, is built for the shape that the model has.
# Seen 2026-11-30 with keras 3.15.1, jax 0.10.2: bitwise_and and left_shift of (n, 1) and (n, 3) are (n, 1)
# when the model is built and (n, 3) when it runs.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 keras==3.15.1 jax==0.10.2 scipy==1.17.1
cd "$work"
cat > shapes.py <<'PY'
import keras
import numpy as np
from keras import ops

x, y = (keras.Input((size,), dtype="int32") for size in (1, 3))
feeds = [np.ones((2, size), np.int32) for size in (1, 3)]
for function, size in ((ops.add, 3), (ops.bitwise_and, 1), (ops.left_shift, 1)):
    output = function(x, y)
    result = keras.Model([x, y], output)(feeds)
    print(function.__name__, "built", output.shape, "run", tuple(result.shape))
    assert tuple(result.shape) == (2, 3) and tuple(output.shape) == (None, size), "it changed"
PY
KERAS_BACKEND=jax env/bin/python shapes.py
echo "as seen"
