#!/usr/bin/env bash
# Loading a .keras file takes five times its weights, where one layer has most of them.
#
# Expected: a file of 400 MB is a model of 400 MB, with another copy of a weight at the most while it
# is read, as safetensors and numpy.load take it.
# Seen 2026-11-30 with keras 3.15.1, tensorflow 2.21.0: with one Dense layer of 392 MiB load_model takes
# 1,960 MiB at its peak, more than with a layer of 8 x 8.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.2.6 keras==3.15.1 tensorflow==2.21.0
cd "$work"
cat > peak.py <<'PY'
import resource
import sys

import keras
import numpy as np

SIZES = {"small": (8, 8), "large": (25088, 4096)}
how, size = sys.argv[1:]
inputs, outputs = SIZES[size]
file = f"{size}.keras"


def built():
    x = keras.Input((inputs,))
    dense = keras.layers.Dense(outputs, use_bias=False, kernel_initializer="zeros")
    return keras.Model(x, dense(x))


if how == "save":
    built().save(file)
else:
    model = keras.models.load_model(file)
    assert model.count_params() == inputs * outputs
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
PY
export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=-1 KERAS_BACKEND=tensorflow
peak() { env/bin/python -W ignore peak.py "$@" 2>/dev/null; }
peak save small > /dev/null
peak save large > /dev/null
small=$(peak load small)
large=$(peak load large)
python3 - "$small" "$large" <<'PY'
import sys

small, large = map(float, sys.argv[1:])
weights = 25088 * 4096 * 4 / 2**20
print(f"weights {weights:.0f} MiB, peak beyond a small model's {large - small:.0f} MiB")
assert (large - small) / weights > 3, "it changed"
PY
echo "as seen"
