#!/usr/bin/env bash
# OpenVINO runs an ONNX LSTM with peephole weights as if it had none, without a word.
#
# Expected: input P adds Pi*C(t-1), Pf*C(t-1) and Po*C(t) inside the gates
# (onnx.ai/onnx/operators/onnx__LSTM.html), or the importer refuses an input that it cannot use.
# Seen 2026-11-29 with openvino 2026.4.1, onnxruntime 1.32.0: OpenVINO's numbers are those of the
# same LSTM without P to 1e-6; onnxruntime's are those with P. They differ by 0.1.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1
cd "$work"
env/bin/python - <<'PY'
import numpy as np
import onnxruntime
import openvino
from onnx import TensorProto, checker, helper, numpy_helper

rng = np.random.default_rng(0)
shapes = {"W": (1, 12, 5), "R": (1, 12, 3), "B": (1, 24), "P": (1, 9)}
weights = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
x = rng.standard_normal((4, 2, 5)).astype(np.float32)
node = helper.make_node("LSTM", ["x", "W", "R", "B", "", "", "", "P"], ["y"], hidden_size=3)
graph = helper.make_graph(
    [node], "g",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, (4, 1, 2, 3))],
    [numpy_helper.from_array(value, name) for name, value in weights.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
checker.check_model(model, full_check=True)
raw = model.SerializeToString()


def lstm(peepholes: float) -> np.ndarray:
    """The operator's equations: gates in the order i, o, f, c."""
    w, r = weights["W"][0], weights["R"][0]
    bias = weights["B"][0, :12] + weights["B"][0, 12:]
    pi, po, pf = np.split(weights["P"][0] * peepholes, 3)
    sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    h = c = np.zeros((2, 3))
    steps = []
    for step in x:
        zi, zo, zf, zc = np.split(step @ w.T + h @ r.T + bias, 4, axis=1)
        i, f = sigmoid(zi + pi * c), sigmoid(zf + pf * c)
        c = f * c + i * np.tanh(zc)
        h = sigmoid(zo + po * c) * np.tanh(c)
        steps.append(h)
    return np.stack(steps)[:, None]


ort = onnxruntime.InferenceSession(raw, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
core = openvino.Core()
compiled = core.compile_model(core.read_model(raw), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
ov = compiled({"x": x})[0]
print("against the equations: onnxruntime", abs(ort - lstm(1)).max(), "OpenVINO", abs(ov - lstm(1)).max())
print("OpenVINO against the LSTM without peepholes:", abs(ov - lstm(0)).max())
assert np.allclose(ort, lstm(1), atol=1e-5)
assert abs(ov - lstm(1)).max() > 0.05 and np.allclose(ov, lstm(0), atol=1e-5), "it changed"
PY
echo "as seen"
