#!/usr/bin/env bash
# ceil_mode where the last window would hold padding alone: 3 columns or 4, by runtime, opset and operator.
#
# Expected: such a window does not count (onnx.ai/onnx/operators/onnx__MaxPool.html, AveragePool; Caffe
# and PyTorch drop it too). 8 columns, kernel 3, stride 3, pads 1: windows at -1, 2 and 5; a fourth
# would begin at 8, past the image.
# Seen 2026-11-29: onnxruntime 1.32.0, onnx's reference and tract 0.23.9 make 3. OpenVINO 2026.4.1 makes 3
# for AveragePool and 4 for MaxPool, with the lowest float32 in the fourth. onnx 1.23.2's shape inference
# says 4 up to opset 21 and 3 from 22 on, for both: with an older opset its checker takes the wrong
# shape as the declared one and refuses the right one.
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
from onnx import TensorProto, checker, helper, shape_inference
from onnx.reference import ReferenceEvaluator

x = np.arange(8, dtype=np.float32).reshape(1, 1, 1, 8)


def graph_of(op: str, opset: int, width: int | str) -> onnx.ModelProto:
    node = helper.make_node(op, ["x"], ["y"], kernel_shape=[1, 3], strides=[1, 3], pads=[0, 1, 0, 1], ceil_mode=1)
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 1, 1, width))])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def accepted(model: onnx.ModelProto) -> bool:
    try:
        checker.check_model(model, full_check=True)
    except shape_inference.InferenceError:
        return False
    return True


def outputs(op: str, opset: int) -> tuple[int, dict[str, np.ndarray]]:
    model = graph_of(op, opset, "width")
    assert accepted(model)
    onnx.save(model, "model.onnx")
    inferred = shape_inference.infer_shapes(model).graph.output[0].type.tensor_type.shape.dim[3].dim_value
    core = openvino.Core()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession("model.onnx", options, providers=["CPUExecutionProvider"])
    return inferred, {
        "onnxruntime": session.run(None, {"x": x})[0].ravel(),
        "reference": ReferenceEvaluator(model).run(None, {"x": x})[0].ravel(),
        "openvino": core.compile_model(core.read_model("model.onnx"), "CPU")({"x": x})[0].ravel(),
        "tract": tract.onnx().load("model.onnx").into_model().into_runnable().run([x])[0].to_numpy().ravel(),
    }


windows = [x.ravel()[max(at, 0):at + 3] for at in (-1, 2, 5)]
for op, reduce in (("MaxPool", np.max), ("AveragePool", np.mean)):
    for opset in (17, 22):
        inferred, widths = outputs(op, opset)
        print(op, opset, "inferred", inferred, {name: y.tolist() for name, y in widths.items()})
        assert accepted(graph_of(op, opset, 3)) == (opset >= 22), "the checker changed"
        assert inferred == (4 if opset < 22 else 3), "shape inference changed"
        extra = [np.finfo(np.float32).min] if op == "MaxPool" else []
        for name, y in widths.items():
            right = [reduce(window) for window in windows] + (extra if name == "openvino" else [])
            assert len(y) == len(right) and np.allclose(y, right), f"it changed: {name}"
PY
echo "as seen"
