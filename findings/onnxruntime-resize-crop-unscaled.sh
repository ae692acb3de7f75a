#!/usr/bin/env bash
# onnxruntime's Resize does not crop an axis that it does not scale.
#
# Expected: with tf_crop_and_resize the region of interest goes for every axis, whatever its scale
# (onnx.ai/onnx/operators, Resize); ONNX's reference has it so.
# Seen 2026-11-30 with onnxruntime 1.32.0 (CPU), onnx 1.23.2: rows 0.2 to 0.8 of five, sampled at five
# places, are the five rows themselves, in all three modes, and also where the columns are scaled. At
# twice the size the rows are cropped, as in the reference.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
cd "$work"
cat > crop.py <<'PY'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

x = np.arange(10, dtype=np.float32).reshape(1, 1, 5, 2)
roi = np.array([0, 0, 0.2, 0, 1, 1, 0.8, 1], np.float32)


def results(mode, sizes):
    node = helper.make_node(
        "Resize",
        ["x", "roi", "", "sizes"],
        ["y"],
        mode=mode,
        coordinate_transformation_mode="tf_crop_and_resize",
    )
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, sizes)],
        [numpy_helper.from_array(roi, "roi"), numpy_helper.from_array(np.array(sizes), "sizes")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"x": x})[0], ReferenceEvaluator(model).run(None, {"x": x})[0]


for mode in ("nearest", "linear", "cubic"):
    runtime, reference = results(mode, [1, 1, 5, 2])
    print(mode, "column 0:", runtime[0, 0, :, 0], "in the reference:", reference[0, 0, :, 0])
    assert (runtime == x).all() and reference[0, 0, 0, 0] > 1, "it changed"
    runtime, reference = results(mode, [1, 1, 5, 4])
    assert abs(runtime - reference).max() > 1, "it changed"
    runtime, reference = results(mode, [1, 1, 10, 4])
    assert abs(runtime - reference).max() < 1e-4, "it changed"
PY
env/bin/python crop.py
echo "as seen"
