#!/usr/bin/env bash
# onnxruntime's MeanVarianceNormalization makes NaN of numbers that are equal.
#
# Expected: 0. ONNX defines the operator as (x - mean) / (deviation + 1e-9), so that numbers without
# a deviation stay finite (onnx.ai/onnx/operators/onnx__MeanVarianceNormalization.html).
# Seen 2026-12-01 with onnxruntime 1.32.0 on a CPU: NaN, without a warning. onnx's reference gives 0,
# and so does onnxruntime of the operators by which ONNX defines it. One flat channel is enough.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
"$work/env/bin/python" - <<'PY'
import numpy as np
import onnx
import onnxruntime
from onnx.reference import ReferenceEvaluator

HEAD = '<ir_version: 8, opset_import: ["": 17]> g (float[1,2,2,2] x) => (float[1,2,2,2] y)'
ONE = HEAD + " { y = MeanVarianceNormalization<axes=[2, 3]>(x) }"
SPELLED = HEAD + """ <float two = {2}, float least = {1e-9}> {
    mean = ReduceMean<axes=[2, 3]>(x)
    square = Pow(mean, two)
    squares = Pow(x, two)
    meansquare = ReduceMean<axes=[2, 3]>(squares)
    variance = Sub(meansquare, square)
    deviation = Sqrt(variance)
    more = Add(deviation, least)
    apart = Sub(x, mean)
    y = Div(apart, more)
}"""


def in_onnxruntime(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(),
                                           providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


one, spelled = map(onnx.parser.parse_model, (ONE, SPELLED))
for model in (one, spelled):
    onnx.checker.check_model(model, full_check=True)
x = np.float32([0, 1, 2, 3, 1, 1, 1, 1]).reshape(1, 2, 2, 2)  # the second channel is flat
rows = {
    "onnxruntime": in_onnxruntime(one, x),
    "onnx's reference": ReferenceEvaluator(one).run(None, {"x": x})[0],
    "onnxruntime, of the operators that define it": in_onnxruntime(spelled, x),
}
for name, y in rows.items():
    print(f"{name}: {y[0, 0].ravel().round(3)} {y[0, 1].ravel()}")
wrong, *right = rows.values()
assert all(np.allclose(y[0, 0], right[0][0, 0], atol=1e-4) for y in rows.values())
assert np.isnan(wrong[0, 1]).all()
assert all((y[0, 1] == 0).all() for y in right)
print("as seen")
PY
