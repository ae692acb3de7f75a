#!/usr/bin/env bash
# ONNX's reference shifts the regions of a RoiAlign of opset 10 to 15 by half a pixel, as only opset 16 does.
#
# Expected: no shift. Opset 16 brought coordinate_transformation_mode, whose output_half_pixel leaves the
# shift out and is there for what came before (onnx.ai/onnx/operators, RoiAlign).
# Seen 2026-11-30 with onnx 1.23.2: on a map whose values are 8·row + column, so that each bin has the value
# of its centre, the region from 1 to 5 gives 13.5 15.5 29.5 31.5 in opset 10 and 15, where 18 20 34 36 are
# right. onnxruntime 1.32.0 is right, and so is the reference in opset 16 with output_half_pixel.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
cd "$work"
cat > align.py <<'PY'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

feeds = {
    "x": np.arange(64, dtype=np.float32).reshape(1, 1, 8, 8),
    "regions": np.array([[1, 1, 5, 5]], np.float32),
    "images": np.array([0]),
}
centres = np.array([2, 4], np.float32)
right = (8 * centres[:, None] + centres).ravel()
for opset, attributes in (
    (10, {}),
    (15, {}),
    (16, {"coordinate_transformation_mode": "output_half_pixel"}),
):
    graph = helper.make_graph(
        [
            helper.make_node(
                "RoiAlign",
                list(feeds),
                ["y"],
                output_height=2,
                output_width=2,
                sampling_ratio=2,
                **attributes,
            )
        ],
        "g",
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in feeds.items()
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 2, 2])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    runtime = session.run(None, feeds)[0].ravel()
    reference = ReferenceEvaluator(model).run(None, feeds)[0].ravel()
    print(f"opset {opset}: onnxruntime {runtime}, the reference {reference}")
    assert np.allclose(runtime, right), "onnxruntime changed"
    # Half a pixel to the left and half a pixel up.
    assert np.allclose(reference, right - (4.5 if opset < 16 else 0)), "it changed"
PY
env/bin/python align.py
echo "as seen"
