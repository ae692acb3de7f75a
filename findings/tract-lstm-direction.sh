#!/usr/bin/env bash
# tract runs an LSTM with direction="reverse" forwards, and ignores its `activations` and `clip`.
#
# Expected: reverse starts at the last step; `activations` names f, g and h, `clip` bounds what goes
# into them (onnx.ai/onnx/operators/onnx__LSTM.html). tract refuses other things clearly, such as
# sequence_lens of mixed length, so silence reads as support.
# Seen 2026-11-29 with tract 0.23.9 (Python): all three give the plain forward LSTM's numbers
# to 1e-6. onnxruntime 1.32.0 gives three others; for "reverse" numpy agrees with it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 tract==0.23.9
cd "$work"
env/bin/python - <<'PY'
import numpy as np
import onnx
import onnxruntime
import tract
from onnx import TensorProto, checker, helper, numpy_helper

rng = np.random.default_rng(0)
shapes = {"W": (1, 12, 5), "R": (1, 12, 3), "B": (1, 24)}
weights = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
x = rng.standard_normal((4, 2, 5)).astype(np.float32)


def run(**attributes: object) -> tuple[np.ndarray, np.ndarray]:
    node = helper.make_node("LSTM", ["x", *weights], ["y"], hidden_size=3, **attributes)
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, (4, 1, 2, 3))],
                              [numpy_helper.from_array(value, name) for name, value in weights.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    onnx.save(model, "lstm.onnx")
    right = onnxruntime.InferenceSession("lstm.onnx", providers=["CPUExecutionProvider"]).run(None, {"x": x})
    return right[0], tract.onnx().load("lstm.onnx").into_model().into_runnable().run([x])[0].to_numpy()


def lstm(steps: list[int]) -> np.ndarray:
    w, r, bias = weights["W"][0], weights["R"][0], weights["B"][0, :12] + weights["B"][0, 12:]
    h = c = np.zeros((2, 3))
    y = np.zeros((4, 1, 2, 3))
    for t in steps:
        i, o, f, g = np.split(x[t] @ w.T + h @ r.T + bias, 4, axis=1)
        i, o, f = (1 / (1 + np.exp(-gate)) for gate in (i, o, f))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        y[t, 0] = h
    return y


forward, backward = lstm([0, 1, 2, 3]), lstm([3, 2, 1, 0])
ort, plain = run()
assert np.allclose(ort, forward, atol=1e-5) and np.allclose(plain, forward, atol=1e-5)
assert np.allclose(run(direction="reverse")[0], backward, atol=1e-5)
for attributes in ({"direction": "reverse"}, {"clip": 0.5}, {"activations": ["Sigmoid", "Relu", "Tanh"]}):
    ort, y = run(**attributes)
    print(attributes, "tract from onnxruntime", abs(y - ort).max(), "from the plain LSTM", abs(y - plain).max())
    assert abs(ort - plain).max() > 0.05, "the attribute counts"
    assert np.allclose(y, plain, atol=1e-6), "it changed"
PY
echo "as seen"
