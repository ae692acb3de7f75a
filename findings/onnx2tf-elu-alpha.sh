#!/usr/bin/env bash
# onnx2tf writes Elu without its alpha, a PRelu's slope along the wrong axis, and floors with half pixels.
#
# Expected: x below 0 becomes alpha * (exp(x) - 1) (onnx.ai/onnx/operators/onnx__Elu.html); a slope of one
# axis broadcasts along the last one, the width; a nearest Resize with half_pixel and floor takes the
# pixel below (i + 0.5) / scale - 0.5 (onnx__PRelu.html, onnx__Resize.html).
# Seen 2026-12-01 with onnx2tf 2.6.9, which writes .tflite by itself, run in ai-edge-litert 2.1.2, for
# CPython 3.12 and newer: alpha is 1; the slope goes along the channels, where their number is the width;
# the Resize rounds half up. No word of it. For 103 other small graphs, of one to five operators behind
# a convolution, its numbers were onnxruntime's.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.12 -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --no-compile onnx2tf==2.6.9 ai-edge-litert==2.1.2 numpy==2.2.6 onnx==1.20.1 onnxruntime==1.26.0
cd "$work"
env/bin/python - <<'PY'
import subprocess

import numpy as np
import onnx
import onnxruntime
from ai_edge_litert.interpreter import Interpreter
from onnx import TensorProto, checker, helper, numpy_helper

x = np.random.default_rng(0).uniform(-2, 2, (1, 4, 4, 4)).astype(np.float32)


def run(node: onnx.NodeProto, **constants: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """onnxruntime's result and LiteRT's, both n c h w. A convolution that copies says what c is."""
    constants["k"] = np.eye(4, dtype=np.float32).reshape(4, 4, 1, 1)
    nodes = [helper.make_node("Conv", ["x", "k"], ["c"]), node]
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape), helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    weights = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    checker.check_model(model, full_check=True)
    onnx.save(model, "m.onnx")
    right = onnxruntime.InferenceSession("m.onnx", providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    subprocess.run(["env/bin/onnx2tf", "-i", "m.onnx", "-o", "out", "-n"], check=True, capture_output=True)
    litert = Interpreter("out/m_float32.tflite")
    litert.allocate_tensors()
    litert.set_tensor(litert.get_input_details()[0]["index"], x.transpose(0, 2, 3, 1))
    litert.invoke()
    y = litert.get_tensor(litert.get_output_details()[0]["index"])
    # Elementwise results stay as ONNX has them, others are channels-last: whichever is nearer.
    orders = [y.transpose(order) for order in ((0, 1, 2, 3), (0, 3, 1, 2), (0, 2, 3, 1), (0, 3, 2, 1))]
    return right, min((z for z in orders if z.shape == right.shape), key=lambda z: np.abs(z - right).max())


right, y = run(helper.make_node("LeakyRelu", ["c"], ["y"], alpha=2.0))
assert np.allclose(y, right), "LeakyRelu reads its alpha"

right, y = run(helper.make_node("Elu", ["c"], ["y"], alpha=2.0))
print("Elu: lowest", y.min(), "right", right.min())
assert np.allclose(right, np.where(x < 0, 2 * np.expm1(x), x), atol=1e-5)
assert np.allclose(y, np.where(x < 0, np.expm1(x), x), atol=1e-5), "it changed"

slope = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
right, y = run(helper.make_node("PRelu", ["c", "s"], ["y"]), s=slope)
print("PRelu: off by", np.abs(y - right).max())
assert np.allclose(right, np.where(x < 0, x * slope, x), atol=1e-5)
assert not np.allclose(y, right, atol=1e-3), "it changed"

size = np.array([1, 4, 7, 7], np.int64)
right, y = run(
    helper.make_node("Resize", ["c", "", "", "s"], ["y"], mode="nearest", nearest_mode="floor", coordinate_transformation_mode="half_pixel"),
    s=size,
)
places = (np.arange(7) + 0.5) * 4 / 7 - 0.5
floor = np.clip(np.floor(places), 0, 3).astype(int)
print("Resize: off by", np.abs(y - right).max())
assert np.array_equal(right, x[:, :, floor][..., floor])
nearest = np.clip(np.floor(places + 0.5), 0, 3).astype(int)
assert np.array_equal(y, x[:, :, nearest][..., nearest]), "it changed"
PY
echo "as seen"
