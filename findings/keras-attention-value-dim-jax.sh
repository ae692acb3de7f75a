#!/usr/bin/env bash
# keras.layers.MultiHeadAttention whose value_dim is not its key_dim cannot run on JAX.
#
# Expected: "value_dim: Size of each attention head for value" (keras.io/api/layers/attention_layers) may be
# any, as it may on TensorFlow.
# Seen 2026-11-30 with keras 3.15.1, jax 0.10.2: value_dim 4 and 16 with key_dim 8 raise a TypeError, as
# JAX's own dot_product_attention wants values as wide as keys. With return_attention_scores=True, which
# takes another way, both give the right numbers.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 keras==3.15.1 jax==0.10.2 scipy==1.17.1
cd "$work"
cat > attention.py <<'PY'
import logging

import keras
import numpy as np

logging.disable(logging.ERROR)  # the trace of what JAX refuses
x = np.random.default_rng(0).normal(size=(2, 3, 6)).astype(np.float32)


def by_definition(layer):
    query, key, value, output = layer.get_weights()
    q, k, v = (x @ weights[:, 0] for weights in (query, key, value))
    scores = np.exp(q @ k.transpose(0, 2, 1) / np.sqrt(8))
    return scores / scores.sum(-1, keepdims=True) @ v @ output[0]


for value_dim in (8, 4, 16):
    layer = keras.layers.MultiHeadAttention(1, 8, value_dim=value_dim, use_bias=False)
    with_scores = layer(x, x, return_attention_scores=True)[0]
    assert np.allclose(with_scores, by_definition(layer), atol=1e-5), "the numbers changed"
    try:
        alone = "right" if np.allclose(layer(x, x), by_definition(layer), atol=1e-5) else "wrong"
    except TypeError:
        alone = "refused"
    print("key_dim 8, value_dim", value_dim, "with scores: right, without:", alone)
    assert alone == ("right" if value_dim == 8 else "refused"), "it changed"
PY
KERAS_BACKEND=jax env/bin/python attention.py
echo "as seen"
