#!/usr/bin/env bash
# TensorFlow's copy of LiteRT computes a convolution wrong whose kernel is a row, where it skips rows.
#
# Expected: y[i, j] = Σ x[2i, j + k - 2] w[k], as NumPy computes it here.
# Seen 2026-12-01 with tensorflow 2.21.0 on x86-64: off by more than 1, silently, with the delegate that
# is on by default (XNNPACK); its plain kernels are right, and so is ai-edge-litert 2.3.0. A kernel of
# one row, more than one column, and a stride of 2 or more along the height are enough.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.2.6 tensorflow==2.21.0
cd "$work"
cat > row.py <<'PY'
import numpy as np
import tensorflow as tf

random = np.random.default_rng(0)
x = random.uniform(-1, 1, (1, 8, 9, 3)).astype(np.float32)
kernel = random.uniform(-1, 1, (1, 5, 3, 4)).astype(np.float32)
padded = np.pad(x[0, ::2], ((0, 0), (2, 2), (0, 0)))
right = sum(padded[:, k : k + 9] @ kernel[0, k] for k in range(5))

function = tf.function(
    lambda x: tf.nn.conv2d(x, kernel, (2, 1), "SAME"), input_signature=[tf.TensorSpec(x.shape)]
)
concrete = [function.get_concrete_function()]
content = tf.lite.TFLiteConverter.from_concrete_functions(concrete, function).convert()


def error(resolver):
    interpreter = tf.lite.Interpreter(
        model_content=content, experimental_op_resolver_type=resolver
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    (result,) = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return np.abs(result - right).max()


kinds = tf.lite.experimental.OpResolverType
default, plain = error(kinds.AUTO), error(kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
print(f"off by {default:.2g} by default, {plain:.2g} without the delegate")
assert plain < 1e-5, "it changed"
assert default > 0.1, "it changed"
PY
TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=-1 env/bin/python -W ignore row.py 2>log || { cat log; exit 1; }
echo "as seen"
