#!/usr/bin/env bash
# tract's Celu forgets one of its two alphas: negative outputs are too small by that factor.
#
# Expected: max(0, x) + min(0, alpha * (exp(x / alpha) - 1)) (onnx.ai/onnx/operators/onnx__Celu.html).
# Seen 2026-11-29 with tract 0.23.9 (Python): exp(x / alpha) - 1 for negative x. With alpha = 2 and
# x = -3 it says -0.777, where -1.554 is right; its slope jumps at 0. With alpha = 1, the default and
# what most tests use, it is right. onnxruntime 1.32.0 is right for both.
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
from onnx import TensorProto, checker, helper

x = np.array([-3, -1, -0.25, 0, 2], np.float32)


def run(alpha: float) -> tuple[np.ndarray, np.ndarray]:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, x.shape) for name in "xy"]
    node = helper.make_node("Celu", ["x"], ["y"], alpha=alpha)
    graph = helper.make_graph([node], "g", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    onnx.save(model, "celu.onnx")
    right = onnxruntime.InferenceSession("celu.onnx", providers=["CPUExecutionProvider"]).run(None, {"x": x})
    return right[0], tract.onnx().load("celu.onnx").into_model().into_runnable().run([x])[0].to_numpy()


def celu(alpha: float, factor: float) -> np.ndarray:
    return np.maximum(0, x) + factor * np.minimum(0, np.exp(x / alpha) - 1)


for alpha in (1.0, 2.0, 0.5):
    ort, y = run(alpha)
    print("alpha", alpha, "tract", y, "right", celu(alpha, alpha))
    assert np.allclose(ort, celu(alpha, alpha), atol=1e-5)
    assert np.allclose(y, celu(alpha, 1.0), atol=1e-5), "it changed"
PY
echo "as seen"
