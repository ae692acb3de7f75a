#!/usr/bin/env bash
# OpenVINO drops three attributes of Resize, antialias, exclude_outside and keep_aspect_ratio_policy.
#
# Expected: they are honoured or refused (onnx.ai/onnx/operators/onnx__Resize.html). With
# keep_aspect_ratio_policy="not_larger" 8x5 for 6x9 becomes 6x4, both axes by the smaller scale.
# Seen 2026-11-29 with openvino 2026.4.1: 6x9, both axes by their own scale; antialias and
# exclude_outside give exactly the numbers of the same node without them. onnxruntime 1.32.0 heeds all.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 \
    openvino==2026.4.1
cd "$work"
env/bin/python - <<'PY'
import numpy as np
import onnxruntime
import openvino
from onnx import TensorProto, checker, helper, numpy_helper

x = np.random.default_rng(0).standard_normal((1, 1, 8, 5)).astype(np.float32)


def run(sizes: tuple[int, int], **attributes: object) -> tuple[np.ndarray, np.ndarray]:
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], axes=[2, 3], **attributes)
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, ("n", "c", "h", "w"))],
                              [numpy_helper.from_array(np.array(sizes), "sizes")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    checker.check_model(model, full_check=True)
    raw, core = model.SerializeToString(), openvino.Core()
    session = onnxruntime.InferenceSession(raw, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0], core.compile_model(core.read_model(raw), "CPU")({"x": x})[0]


ort, vino = run((6, 9), mode="linear", keep_aspect_ratio_policy="not_larger")
print("not_larger: onnxruntime", ort.shape, "OpenVINO", vino.shape)
assert ort.shape == (1, 1, 6, 4) and vino.shape == (1, 1, 6, 9), "it changed"
for sizes, mode, attribute in (((4, 2), "linear", "antialias"), ((12, 9), "cubic", "exclude_outside")):
    plain, with_it = run(sizes, mode=mode), run(sizes, mode=mode, **{attribute: 1})
    print(attribute, "changes onnxruntime by", abs(with_it[0] - plain[0]).max(), "OpenVINO by",
          abs(with_it[1] - plain[1]).max())
    assert np.allclose(*plain, atol=1e-4), "without it the two agree"
    assert abs(with_it[0] - plain[0]).max() > 0.01
    assert np.array_equal(with_it[1], plain[1]), "it changed"
PY
echo "as seen"
