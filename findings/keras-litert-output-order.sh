#!/usr/bin/env bash
# A .tflite that Keras exports lists a model's outputs in another order than the model has.
#
# Expected: get_output_details()[i] is model.outputs[i]; guides take outputs by this index
# (ai.google.dev/edge/litert, Python), and where shapes agree nothing tells that they are exchanged.
# Seen 2026-11-30 with keras 3.15.1, tensorflow 2.21.0: outputs 1 2 3 4 5 are listed as 5 2 4 1 3. By name,
# through get_signature_runner(), they are right: output_0, output_1, and so on.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.2.6 keras==3.15.1 tensorflow==2.21.0
cd "$work"
cat > order.py <<'PY'
import keras
import numpy as np
import tensorflow as tf

x = keras.Input((3,))
model = keras.Model(x, [keras.layers.Rescaling(factor)(x) for factor in range(1, 6)])
model.export("net.tflite", format="litert", verbose=False)
ones = np.ones((1, 3), np.float32)
expected = [float(y[0, 0]) for y in model(ones)]

interpreter = tf.lite.Interpreter("net.tflite")
interpreter.allocate_tensors()
interpreter.set_tensor(interpreter.get_input_details()[0]["index"], ones)
interpreter.invoke()
listed = [
    float(interpreter.get_tensor(output["index"])[0, 0]) for output in interpreter.get_output_details()
]
runner = interpreter.get_signature_runner()
(name,) = runner.get_input_details()
results = runner(**{name: ones})
named = [float(results[f"output_{index}"][0, 0]) for index in range(5)]
print("model:", expected, " listed:", listed, " by name:", named)
assert named == expected == [1, 2, 3, 4, 5], "it changed"
assert sorted(listed) == expected != listed, "it changed"
PY
TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=-1 KERAS_BACKEND=tensorflow env/bin/python -W ignore order.py
echo "as seen"
