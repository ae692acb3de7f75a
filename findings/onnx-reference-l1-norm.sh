#!/usr/bin/env bash
# onnx's reference evaluator divides by the sum, not by the L1 norm, in LpNormalization with p = 1.
#
# Expected: p names the norm, and the L1 norm is |x1| + |x2| + …
# (onnx.ai/onnx/operators/onnx__LpNormalization.html). ONNX's own operator tests have no negative
# number for p = 1, so nothing sees it.
# Seen 2026-11-29 with onnx 1.23.2: [1 -2] becomes [-1 2]: signs are turned over, and a line whose
# sum is 0 has no finite result. onnxruntime 1.32.0 gives [1/3 -2/3].
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
cd "$work"
env/bin/python - <<'PY'
import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper
from onnx.reference import ReferenceEvaluator

x = np.array([[1, -2], [3, 4]], np.float32)
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, x.shape) for name in "xy"]


def run(p: int) -> tuple[np.ndarray, np.ndarray]:
    node = helper.make_node("LpNormalization", ["x"], ["y"], axis=1, p=p)
    model = helper.make_model(helper.make_graph([node], "g", ends[:1], ends[1:]),
                              opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0], ReferenceEvaluator(model).run(None, {"x": x})[0]


for p in (1, 2):
    ort, reference = run(p)
    right = x / np.linalg.norm(x, ord=p, axis=1, keepdims=True)
    print("p", p, "onnxruntime", ort.tolist(), "reference", reference.tolist())
    assert np.allclose(ort, right)
    if p == 2:
        assert np.allclose(reference, right)
    else:
        assert np.allclose(reference, x / x.sum(1, keepdims=True)), "it changed"
PY
echo "as seen"
