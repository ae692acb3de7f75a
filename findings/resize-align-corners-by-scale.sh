#!/usr/bin/env bash
# Resize with align_corners and a scale: onnxruntime and OpenVINO fail ONNX's own operator test.
#
# Expected: x_resized * (length_original - 1) / (length_resized - 1), where a scale may make the length a
# fraction (onnx.ai/onnx/operators/onnx__Resize.html): 4 columns by 0.6 are 2.4, so that the second
# output of 1 2 3 4 is read at 3 / 1.4 and is 3.143: so says the operator test
# test_resize_downsample_scales_linear_align_corners, in both directions of the image.
# Seen 2026-11-29: onnxruntime 1.32.0 and openvino 2026.4.1 take the whole number 2, and give 4: the
# corners are aligned. onnx 1.23.2's reference and tract 0.23.9 give 3.143. By `sizes` all agree on 4.
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
from onnx import TensorProto, checker, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

x = np.arange(1, 5, dtype=np.float32).reshape(1, 1, 1, 4)


def outputs(inputs: list[str], constant: np.ndarray) -> dict[str, np.ndarray]:
    node = helper.make_node("Resize", inputs, ["y"], mode="linear", coordinate_transformation_mode="align_corners")
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 1, 1, 2))],
                              [numpy_helper.from_array(constant, "to")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    onnx.save(model, "model.onnx")
    core = openvino.Core()
    session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
    return {
        "onnxruntime": session.run(None, {"x": x})[0],
        "openvino": core.compile_model(core.read_model("model.onnx"), "CPU")({"x": x})[0],
        "reference": ReferenceEvaluator(model).run(None, {"x": x})[0],
        "tract": tract.onnx().load("model.onnx").into_model().into_runnable().run([x])[0].to_numpy(),
    }


def read_at(length: float) -> np.ndarray:
    return np.interp(np.arange(2) * 3 / (length - 1), np.arange(4), x.ravel())


by_scale = outputs(["x", "", "to"], np.array([1, 1, 1, 0.6], np.float32))
by_size = outputs(["x", "", "", "to"], np.array([1, 1, 1, 2]))
for name in by_scale:
    print(name, "by scale", by_scale[name].ravel(), "by size", by_size[name].ravel())
    fractional = name in ("reference", "tract")
    assert np.allclose(by_size[name].ravel(), read_at(2), atol=1e-3)
    assert np.allclose(by_scale[name].ravel(), read_at(4 * 0.6 if fractional else 2), atol=1e-3), "it changed"
PY
echo "as seen"
