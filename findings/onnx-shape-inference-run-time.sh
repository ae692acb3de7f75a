#!/usr/bin/env bash
# onnx-shape-inference takes operands that are not known yet for left out, and infers another shape.
#
# Expected (onnx.ai/onnx/operators): sizes of a Split and axes of a Squeeze that are inputs of the graph,
# or computed, leave the shape open; Unique with an axis keeps the rank; Resize with
# keep_aspect_ratio_policy fits the sizes to the image.
# Seen 2026-12-01 with onnx-shape-inference 0.4.0, onnx-ir 1.1.0, onnx 1.23.2, onnxruntime 1.32.0: a Split
# into 2 and 4 is inferred as 3 and 3, a Squeeze of the first of two axes of length 1 loses both, Unique
# along an axis has rank 1, and the policy is not read. No warning; onnx's own inference leaves
# the first two open, and is right in the others.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnx-ir==1.1.0 \
    onnxruntime==1.32.0 onnx-shape-inference==0.4.0
cd "$work"
cat >shapes.py <<'PY'
import numpy as np
import onnx
import onnx_ir
import onnx_shape_inference
import onnxruntime
from onnx import checker, helper, shape_inference


def shape(model: onnx.ModelProto, name: str) -> list[int | None] | None:
    """What was inferred of a value, if anything."""
    for value in model.graph.value_info:
        kind = value.type.tensor_type
        if value.name == name and kind.HasField("shape"):
            return [d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim]
    return None


def inferred(node: onnx.NodeProto, inputs: dict[str, np.ndarray], rank: int):
    """What onnx-shape-inference and onnx say, and the shape in onnxruntime."""
    name = node.output[-1]
    entries = [helper.make_tensor_value_info(entry, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
               for entry, a in inputs.items() if entry != "sizes"]
    constants = [onnx.numpy_helper.from_array(a, entry) for entry, a in inputs.items() if entry == "sizes"]
    end = helper.make_tensor_value_info("shape", onnx.TensorProto.INT64, (rank,))
    graph = helper.make_graph([node, helper.make_node("Shape", [name], ["shape"])], "g", entries, [end], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    checker.check_model(model)
    theirs = onnx_ir.serde.deserialize_model(model)
    theirs = onnx_shape_inference.infer_symbolic_shapes(theirs) or theirs
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (real,) = session.run(None, {entry: a for entry, a in inputs.items() if entry != "sizes"})
    own = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    return shape(onnx_ir.serde.serialize_model(theirs), name), shape(own, name), real.tolist()


x = np.arange(6, dtype=np.float32)
CASES = [  # what, the node, its inputs, the rank, the shape that was seen
    ("Split", helper.make_node("Split", ["x", "parts"], ["a", "b"]), {"x": x, "parts": np.int64([2, 4])}, 1, [3]),
    ("Squeeze", helper.make_node("Squeeze", ["x", "axes"], ["y"]), {"x": x.reshape(1, 6, 1), "axes": np.int64([0])}, 2, [6]),
    ("Unique", helper.make_node("Unique", ["x"], ["y"], axis=0), {"x": x.reshape(3, 2)}, 2, [None]),
    ("Resize", helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], axes=[2, 3], keep_aspect_ratio_policy="not_smaller"),
     {"x": np.ones((1, 1, 2, 4), np.float32), "sizes": np.int64([1, 3])}, 4, [1, 1, 1, 3]),
]
for what, node, inputs, rank, seen in CASES:
    theirs, own, real = inferred(node, inputs, rank)
    print(f"{what:8} onnx-shape-inference {theirs}, onnx {own}, onnxruntime {real}")
    assert theirs == seen, "it changed"
    assert len(seen) != len(real) or seen != real
    assert own is None or len(own) == len(real) and all(a in (None, b) for a, b in zip(own, real, strict=True))
PY
env/bin/python shapes.py
echo "as seen"
