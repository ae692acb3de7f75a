#!/usr/bin/env bash
# onnxscript's optimizer joins two Clips by the outer bounds alone, and so changes what comes out.
#
# Expected: Clip(Clip(x, -1, 0.5), 0.8, 2): the first leaves at most 0.5, the second lifts all of it to
# 0.8. Any fusion has to clip the first's bounds by the second's.
# Seen 2026-11-29 with onnxscript 0.7.2 (optimizer.optimize, no options): one Clip from 0.8 to 0.5.
# With min above max ONNX sets all to max (onnx.ai/onnx/operators/onnx__Clip.html): 0.5 everywhere.
# Bounds that overlap, as two ReLU6 have them, are joined rightly.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2
cd "$work"
env/bin/python - <<'PY'
import numpy as np
import onnx
import onnxruntime
import onnxscript.optimizer
from onnx import TensorProto, checker, helper, numpy_helper

x = np.linspace(-2, 3, 11, dtype=np.float32)


def clips(*bounds: float) -> onnx.ModelProto:
    nodes = [helper.make_node("Clip", ["x", "b0", "b1"], ["a"]), helper.make_node("Clip", ["a", "b2", "b3"], ["y"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, x.shape) for name in "xy"]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:],
                              [numpy_helper.from_array(np.float32(b), f"b{i}") for i, b in enumerate(bounds)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    return model


def run(model: onnx.ModelProto) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


overlap, apart = clips(-1, 0.5, 0, 2), clips(-1, 0.5, 0.8, 2)
assert np.allclose(run(overlap), np.clip(np.clip(x, -1, 0.5), 0, 2))
assert np.allclose(run(onnxscript.optimizer.optimize(overlap)), run(overlap))
optimized = onnxscript.optimizer.optimize(apart)
print("before", run(apart), "after", run(optimized), "nodes", [n.op_type for n in optimized.graph.node])
assert np.allclose(run(apart), 0.8)
assert np.allclose(run(optimized), 0.5), "it changed"
PY
echo "as seen"
