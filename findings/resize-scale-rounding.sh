#!/usr/bin/env bash
# Resize of 5 columns by 1.4: onnx infers 6 columns, and three runtimes make 7.
#
# Expected: one answer: floor(input * scale) (onnx.ai/onnx/operators/onnx__Resize.html). The float32 next
# to 1.4 is 1.39999998: times 5 that is just below 7, unless the product is rounded to float32, to 7.
# Shape inference and the reference do the first, the runtimes the second: what comes out has another
# shape than the graph declares. onnxruntime logs a warning where the shape was inferred, and goes on.
# Seen 2026-11-29: onnx 1.23.2 6, its ReferenceEvaluator 6; onnxruntime 1.32.0, openvino 2026.4.1
# and tract 0.23.9 7. `sizes` instead of scales has no such question.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 \
    openvino==2026.4.1 tract==0.23.9
cd "$work"
env/bin/python - <<'PY'
import numpy as np
import onnx
import onnxruntime
import openvino
import tract
from onnx import TensorProto, checker, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

x = np.arange(5, dtype=np.float32).reshape(1, 1, 1, 5)
scale = np.float32(1.4)
node = helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="nearest")
graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
                          [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 1, 1, "width"))],
                          [numpy_helper.from_array(np.array([1, 1, 1, scale], np.float32), "scales")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
checker.check_model(model, full_check=True)
onnx.save(model, "model.onnx")
inferred = shape_inference.infer_shapes(model, strict_mode=True).graph.output[0].type.tensor_type.shape.dim[3]
core = openvino.Core()
session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
widths = {
    "inferred": inferred.dim_value,
    "reference": ReferenceEvaluator(model).run(None, {"x": x})[0].shape[3],
    "onnxruntime": session.run(None, {"x": x})[0].shape[3],
    "openvino": core.compile_model(core.read_model("model.onnx"), "CPU")({"x": x})[0].shape[3],
    "tract": tract.onnx().load("model.onnx").into_model().into_runnable().run([x])[0].to_numpy().shape[3],
}
print(widths)
exact, rounded = int(np.floor(5 * np.float64(scale))), int(np.floor(np.float32(5) * scale))
assert (exact, rounded) == (6, 7)
for name, width in widths.items():
    assert width == (exact if name in ("inferred", "reference") else rounded), f"it changed: {name}"
PY
echo "as seen"
