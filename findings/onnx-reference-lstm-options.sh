#!/usr/bin/env bash
# onnx's reference evaluator reads neither sequence_lens, nor clip, nor activations of an LSTM.
#
# Expected: a reference follows the operator's page (onnx.ai/onnx/operators/onnx__LSTM.html) or refuses.
# Steps past a sequence's length are 0 in Y; `clip` bounds what goes into the activations.
# Seen 2026-11-29 with onnx 1.23.2: all three give the plain LSTM's numbers, exactly, and no word.
# onnxruntime 1.32.0 heeds each; for sequence_lens and for h's activation numpy agrees with it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
cd "$work"
env/bin/python - <<'PY'
import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

rng = np.random.default_rng(0)
shapes = {"W": (1, 12, 5), "R": (1, 12, 3), "B": (1, 24)}
weights = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
weights["lens"] = np.array([4, 2], np.int32)
x = rng.standard_normal((4, 2, 5)).astype(np.float32)


def run(lens: str = "", **attributes: object) -> tuple[np.ndarray, np.ndarray]:
    node = helper.make_node("LSTM", ["x", "W", "R", "B", lens], ["y"], hidden_size=3, **attributes)
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, (4, 1, 2, 3))],
                              [numpy_helper.from_array(value, name) for name, value in weights.items() if name in node.input])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0], ReferenceEvaluator(model).run(None, {"x": x})[0]


def lstm(out=np.tanh, lens: tuple[int, int] = (4, 4)) -> np.ndarray:
    w, r, bias = weights["W"][0], weights["R"][0], weights["B"][0, :12] + weights["B"][0, 12:]
    h = c = np.zeros((2, 3))
    y = np.zeros((4, 1, 2, 3))
    for t in range(4):
        i, o, f, g = np.split(x[t] @ w.T + h @ r.T + bias, 4, axis=1)
        i, o, f = (1 / (1 + np.exp(-gate)) for gate in (i, o, f))
        c = f * c + i * np.tanh(g)
        h = o * out(c)
        y[t, 0] = h * (t < np.array(lens))[:, None]
    return y


plain = run()[1]
assert np.allclose(plain, lstm(), atol=1e-5)
cases = [(run("lens"), lstm(lens=(4, 2))), (run(clip=0.5), None),
         (run(activations=["Sigmoid", "Tanh", "Relu"]), lstm(lambda c: np.maximum(c, 0)))]
for (ort, reference), right in cases:
    print("onnxruntime from the plain LSTM", abs(ort - plain).max(), "reference", abs(reference - plain).max())
    assert abs(ort - plain).max() > 0.05 and (right is None or np.allclose(ort, right, atol=1e-5))
    assert np.array_equal(reference, plain), "it changed"
PY
echo "as seen"
