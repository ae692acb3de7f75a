#!/usr/bin/env bash
# onnxconverter-common's keep_io_types=True gives a float16 output where the last node is a Resize.
#
# Expected: keep_io_types keeps the model's inputs and outputs float32: that is all it is for.
# Seen 2026-11-29 with onnxconverter-common 1.16.0: Resize is on its list of what stays float32, its
# result is cast to float16, and the graph's output is then declared float16. The input stays float32.
# A segmentation net ends so. After another node behind it (Relu) the output is float32.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 \
    onnxconverter-common==1.16.0
cd "$work"
env/bin/python - <<'PY'
import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper
from onnxconverter_common import float16

x = np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)
scales = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")


def run(relu_behind: bool) -> tuple[str, str]:
    nodes = [helper.make_node("Resize", ["x", "", "scales"], ["a" if relu_behind else "y"], name="resize")]
    if relu_behind:
        nodes.append(helper.make_node("Relu", ["a"], ["y"], name="relu"))
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 1, 4, 4))], [scales])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    half = float16.convert_float_to_float16(model, keep_io_types=True)
    session = onnxruntime.InferenceSession(half.SerializeToString(), providers=["CPUExecutionProvider"])
    y = session.run(None, {"x": x})[0]
    assert np.array_equal(y[0, 0], x[0, 0].repeat(2, 0).repeat(2, 1)), "nearest by 2"
    return session.get_inputs()[0].type, y.dtype.name


print("Resize:", run(False), "Resize, Relu:", run(True))
assert run(True) == ("tensor(float)", "float32")
assert run(False) == ("tensor(float)", "float16"), "it changed"
PY
echo "as seen"
