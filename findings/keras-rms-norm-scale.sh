#!/usr/bin/env bash
# keras.layers.RMSNormalization multiplies by its scale along the last axis, whatever its axis is.
#
# Expected: the weights of a normalisation over an axis lie along that axis, as LayerNormalization's do.
# Seen 2026-11-30 with keras 3.15.1: over axis 1 of (2, 4, 4) the scale, which has the size of axis 1, is
# multiplied along axis 2, without a word. Where the sizes differ, (2, 4, 3), it is refused.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.2.6 keras==3.15.1 tensorflow==2.21.0
cd "$work"
cat > norm.py <<'PY'
import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(2, 4, 4)).astype(np.float32)
scale = np.arange(1, 5, dtype=np.float32)
normalised = x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-6)
layer = keras.layers.RMSNormalization(axis=1)
layer.build(x.shape)
layer.set_weights([scale])
result = keras.ops.convert_to_numpy(layer(x))
along_1, along_2 = (bool(np.allclose(result, normalised * scale.reshape(s), atol=1e-4)) for s in ((4, 1), (4,)))
print("scale along axis 1:", along_1, " along axis 2:", along_2)
assert (along_1, along_2) == (False, True), "it changed"
PY
TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=-1 KERAS_BACKEND=tensorflow env/bin/python norm.py
echo "as seen"
