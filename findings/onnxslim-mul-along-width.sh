#!/usr/bin/env bash
# onnxslim folds a factor along the width into a convolution's output channels, where the lengths agree.
#
# Expected: Mul broadcasts from the last axis (onnx.ai/onnx/repo-docs/Broadcasting.html). A factor of
# shape (6,) behind a Conv with output 1 6 6 6 is one number for each column, and cannot be folded.
# Seen 2026-11-29 with onnxslim 0.1.98 (slim, no options): the Mul is gone, the kernel is scaled by
# channel, most of the output is wrong, without a word. onnxruntime 1.32.0 runs both.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 onnxslim==0.1.98
cd "$work"
env/bin/python - <<'PY'
import numpy as np
import onnx
import onnxruntime
import onnxslim
from onnx import TensorProto, checker, helper, numpy_helper

rng = np.random.default_rng(0)
x = rng.standard_normal((1, 4, 8, 8)).astype(np.float32)
kernel = rng.standard_normal((6, 4, 3, 3)).astype(np.float32)
bias = rng.standard_normal(6).astype(np.float32)
factor = np.arange(1, 7, dtype=np.float32)
nodes = [helper.make_node("Conv", ["x", "kernel", "bias"], ["a"], kernel_shape=[3, 3]),
         helper.make_node("Mul", ["a", "factor"], ["y"])]
graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
                          [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 6, 6, 6))],
                          [numpy_helper.from_array(v, n) for n, v in
                           (("kernel", kernel), ("bias", bias), ("factor", factor))])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
checker.check_model(model, full_check=True)


def run(model: onnx.ModelProto) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


windows = np.lib.stride_tricks.sliding_window_view(x[0], (3, 3), axis=(1, 2))
conv = np.einsum("chwij,ocij->ohw", windows, kernel) + bias[:, None, None]
slim = onnxslim.slim(model)
print("nodes", [n.op_type for n in slim.graph.node], "off by", abs(run(slim) - conv * factor).max())
assert np.allclose(run(model)[0], conv * factor, atol=1e-3)
assert not np.allclose(run(slim)[0], conv * factor, atol=1e-1), "it changed"
assert np.allclose(run(slim)[0], conv * factor[:, None, None], atol=1e-3), "it changed: by channel no more"
PY
echo "as seen"
