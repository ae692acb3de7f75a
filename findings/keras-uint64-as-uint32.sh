#!/usr/bin/env bash
# Keras computes two uint64 in uint32: sums, and numbers that `where` chooses, lose their high bits.
#
# Expected: uint64 and uint64 make uint64, as in NumPy and in every backend but JAX without x64.
# Seen 2026-11-30 with keras 3.15.1 on its NumPy backend: add gives 4 for 2**40 + 1 and 3, where gives 1;
# sum and concatenate keep uint64. On TensorFlow 2.21.0 the same, and 2**40 + 1 is equal to 1 there.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
# The NumPy backend imports jax.
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 keras==3.15.1 jax==0.10.2 scipy==1.17.1
cd "$work"
cat > uint64.py <<'PY'
import numpy as np
from keras import ops

large, three = (np.array([n], np.uint64) for n in (2**40 + 1, 3))
total = ops.convert_to_numpy(ops.add(large, three))
chosen = ops.convert_to_numpy(ops.where(np.array([True]), large, three))
concatenated = ops.convert_to_numpy(ops.concatenate([large, three]))
print("add", total.dtype, total, "where", chosen.dtype, chosen, "concatenate", concatenated.dtype)
assert (large + three)[0] == 2**40 + 4
assert total.dtype == chosen.dtype == np.uint32, "it changed"
assert total[0] == 4 and chosen[0] == 1, "it changed"
assert concatenated.dtype == np.uint64 and concatenated[0] == 2**40 + 1, "it changed"
PY
KERAS_BACKEND=numpy env/bin/python uint64.py
echo "as seen"
