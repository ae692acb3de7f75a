#!/usr/bin/env bash
# A float16 graph that overflows gives finite numbers on a CPU.
#
# Expected: float16 ends at 65504, so 2 * 60000 is inf, and inf * 0.25 is inf: what NumPy gives, and
# what a device with halves of its own would.
# Seen 2026-11-30: onnx 1.23.2's ReferenceEvaluator gives inf. onnxruntime 1.32.0 and openvino
# 2026.4.1 compute in float32 and give 30000, onnxruntime even where the value in between is an
# output, and comes out as inf in the same run. tract 0.23.9 multiplies the two constants first, and
# gives 30000 too; with a Relu between them it gives inf.
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

HALF = np.float16
x = np.full((1, 4), 2, HALF)
x_, large, y_ = (
    helper.make_tensor_value_info(name, TensorProto.FLOAT16, x.shape) for name in ("x", "large", "y")
)
constants = [
    numpy_helper.from_array(np.array(value, HALF), name) for name, value in (("a", 60000), ("b", 0.25))
]
first = helper.make_node("Mul", ["x", "a"], ["large"])
relu = helper.make_node("Relu", ["large"], ["kept"])


def model(relu_between: bool, *outputs: onnx.ValueInfoProto) -> onnx.ModelProto:
    last = helper.make_node("Mul", ["kept" if relu_between else "large", "b"], ["y"])
    nodes = [first, relu, last] if relu_between else [first, last]
    graph = helper.make_graph(nodes, "g", [x_], outputs, constants)
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(result, full_check=True)
    return result


def in_tract(graph: onnx.ModelProto) -> np.ndarray:
    onnx.save(graph, "model.onnx")
    runnable = tract.onnx().load("model.onnx").into_model().into_runnable()
    return runnable.run([x])[0].to_numpy()


def in_openvino(graph: onnx.ModelProto) -> np.ndarray:
    core = openvino.Core()
    return core.compile_model(core.read_model(graph.SerializeToString()), "CPU")({"x": x})[0]


def in_onnxruntime(graph: onnx.ModelProto) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": x})


def seen(what: str, y: np.ndarray, expected: float) -> None:
    print(f"{what:40} {y.dtype} {y.ravel()}")
    assert y.dtype == HALF and (y == expected).all(), "it changed"


for relu_between in (False, True):
    graph, words = model(relu_between, y_), ", a Relu between" if relu_between else ""
    with np.errstate(over="ignore"):
        seen("NumPy", x * HALF(60000) * HALF(0.25), np.inf)
        seen(f"reference{words}", ReferenceEvaluator(graph).run(None, {"x": x})[0], np.inf)
    seen(f"onnxruntime{words}", in_onnxruntime(graph)[0], 30000)
    seen(f"openvino{words}", in_openvino(graph), 30000)
    seen(f"tract{words}", in_tract(graph), np.inf if relu_between else 30000)
value, y = in_onnxruntime(model(False, large, y_))
seen("onnxruntime, the value in between", value, np.inf)
seen("onnxruntime, in the same run", y, 30000)
PY
echo "as seen"
