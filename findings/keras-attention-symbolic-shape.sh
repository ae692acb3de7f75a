#!/usr/bin/env bash
# keras.ops.dot_product_attention has the queries' shape when a model is built, however wide values are.
#
# Expected: a result as wide as the values, as when it runs. Keras's documentation gives values the shape
# of keys, but its own MultiHeadAttention calls it with others where value_dim is not key_dim.
# Seen 2026-11-30 with keras 3.15.1, tensorflow 2.21.0: of queries and keys of width 8 and values of width
# 4, or 16, the result has width 8 when the model is built and that of the values when it runs. A Dense
# behind it is built for 8 and then refuses what it is given.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.2.6 keras==3.15.1 tensorflow==2.21.0
cd "$work"
cat > attention.py <<'PY'
import keras
import numpy as np

rng = np.random.default_rng(0)
for width in (8, 4, 16):
    arrays = [rng.normal(size=(2, 3, 1, size)).astype(np.float32) for size in (8, 8, width)]
    query, key, value = (array[:, :, 0] for array in arrays)
    weights = np.exp(query @ key.transpose(0, 2, 1) / np.sqrt(8))
    right = (weights / weights.sum(-1, keepdims=True) @ value)[:, :, None]
    inputs = [keras.Input(array.shape[1:]) for array in arrays]
    output = keras.ops.dot_product_attention(*inputs)
    result = keras.ops.convert_to_numpy(keras.Model(inputs, output)(arrays))
    assert np.allclose(result, right, atol=1e-5), "the numbers changed"
    classes = keras.Model(inputs, keras.layers.Dense(2)(output))
    try:
        behind = classes(arrays).shape
    except ValueError:
        behind = "refused"
    print("values of", width, "built", output.shape, "run", result.shape, "with a Dense", behind)
    assert output.shape == (None, 3, 1, 8), "it changed"
    assert (behind == "refused") == (width != 8), "it changed"
PY
TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=-1 KERAS_BACKEND=tensorflow env/bin/python attention.py
echo "as seen"
