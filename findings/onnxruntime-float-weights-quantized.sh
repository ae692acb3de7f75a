#!/usr/bin/env bash
# onnxruntime quantizes the float weights of a Conv or Gemm between DequantizeLinear and QuantizeLinear.
#
# Expected: weights that a model keeps as floats are used as floats, as in a MatMul at the same place;
# optimisations of the basic level preserve what a graph means (onnxruntime.ai, Graph Optimizations).
# Seen 2026-11-30 with onnxruntime 1.32.0 (CPU): with weights 1000 and 1 in one kernel, Conv and Gemm use 0
# for the 1, because both are put into 8 bits with one scale. A channel that should give its input back is
# 0, up to 255 steps of uint8 off, from ORT_ENABLE_BASIC on and so by default; with ORT_DISABLE_ALL it is
# right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
cd "$work"
cat > weights.py <<'PY'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

levels = onnxruntime.GraphOptimizationLevel
x = np.arange(256, dtype=np.uint8)


def identity_channel(operator, level):
    """The second of two output channels, whose weight is 1: it is x, by definition."""
    is_conv = operator == "Conv"
    shape, result = ([1, 1, 256], [1, 2, 256]) if is_conv else ([256, 1], [256, 2])
    weights = np.array([1000, 1], np.float32).reshape([2, 1, 1] if is_conv else [1, 2])
    graph = helper.make_graph(
        [
            helper.make_node("DequantizeLinear", ["x", "scale", "zero_point"], ["float_x"]),
            helper.make_node(operator, ["float_x", "weights"], ["float_y"]),
            helper.make_node("QuantizeLinear", ["float_y", "scale", "zero_point"], ["y"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("y", TensorProto.UINT8, result)],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(np.float32(0.5), "scale"),
            numpy_helper.from_array(np.uint8(0), "zero_point"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    if level is not None:
        options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    y = session.run(None, {"x": x.reshape(shape)})[0]
    return y[0, 1] if is_conv else y[:, 1]


for operator in ("Conv", "Gemm", "MatMul"):
    for name, level in (
        ("as it is by default", None),
        ("ORT_ENABLE_BASIC", levels.ORT_ENABLE_BASIC),
        ("ORT_DISABLE_ALL", levels.ORT_DISABLE_ALL),
    ):
        off = int(np.abs(identity_channel(operator, level).astype(int) - x).max())
        print(f"{operator}, {name}: off by {off}")
        is_rounded = operator != "MatMul" and level != levels.ORT_DISABLE_ALL
        assert off == (255 if is_rounded else 0), "it changed"
PY
env/bin/python weights.py
echo "as seen"
