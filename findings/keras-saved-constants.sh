#!/usr/bin/env bash
# Keras saves a model with a constant that it does not load again, or loads in another shape.
#
# Expected: what model.save has written, keras.models.load_model loads (keras.io/guides/serialization_and_saving).
# Seen 2026-11-30 with keras 3.15.1, jax 0.10.2: a number loses its dtype, and bitwise_xor with it does not
# load; an array of shape (2, 0, 4) has the shape (2, 0) afterwards.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 keras==3.15.1 jax==0.10.2 scipy==1.17.1
cd "$work"
cat > constants.py <<'PY'
import keras
import numpy as np
from keras import ops

x = keras.Input((3,), dtype="int32")
keras.Model(x, ops.bitwise_xor(x, np.array(5, "int32"))).save("number.keras")
try:
    keras.models.load_model("number.keras")
except Exception as error:
    print("number:", str(error).strip().splitlines()[0])
    assert "has no attribute 'dtype'" in str(error), "it changed"
else:
    raise AssertionError("it changed")

x = keras.Input(batch_shape=(2, 1, 4))
model = keras.Model(x, ops.add(x, np.empty((2, 0, 4), "float32")))
model.save("empty.keras")
try:
    loaded = keras.models.load_model("empty.keras").output.shape
except Exception as error:
    loaded = type(error).__name__
print("without elements:", model.output.shape, "loaded:", loaded)
assert loaded != model.output.shape == (2, 0, 4), "it changed"
PY
KERAS_BACKEND=jax env/bin/python constants.py
echo "as seen"
