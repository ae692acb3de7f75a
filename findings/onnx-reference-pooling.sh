#!/usr/bin/env bash
# onnx's reference: MaxPool of stride 1 pads other sides, and AveragePool with ceil_mode begins before the map.
#
# Expected (onnx.ai/onnx/operators/onnx__MaxPool.html, onnx__AveragePool.html): pads are the beginnings of
# all axes and then the ends; with stride 1 ceil_mode changes nothing; a last window that sticks out is
# averaged over what is on the map, and the first begins at the first element.
# Seen 2026-12-01 with onnx 1.23.2: of 7x6 with pads 1, 1, 0, 0 a 3x3 MaxPool has 7x4 elements (right: 6x5),
# and with ceil_mode and pads of 1 all around 9x8 (right: 7x6). AveragePool by 3 with stride 3 and
# ceil_mode has the right shape, and averages the lines 0 and 1, 2 to 4, and 5, where these are 0 to 2, 3
# to 5, and 6: every number is another. onnx's shape inference and onnxruntime 1.32.0 are right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
cd "$work"
cat >pool.py <<'PY'
import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper, shape_inference
from onnx.reference import ReferenceEvaluator

x = np.random.default_rng(0).normal(size=(1, 1, 7, 6)).astype(np.float32)


def results(kind, **attributes):
    """The inferred shape, and what onnxruntime and the reference give."""
    entry = helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)
    end = helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 1, "h", "w"))
    node = helper.make_node(kind, ["x"], ["y"], kernel_shape=[3, 3], **attributes)
    model = helper.make_model(helper.make_graph([node], "g", [entry], [end]),
                              opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    checker.check_model(model, full_check=True)
    inferred = shape_inference.infer_shapes(model, strict_mode=True).graph.output[0].type.tensor_type.shape
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    values = session.run(None, {"x": x})[0], ReferenceEvaluator(model).run(None, {"x": x})[0]
    return tuple(d.dim_value for d in inferred.dim), *values


def windows(top, left, bottom, right, stride, combine):
    """Of the windows that begin within the padded map, over what is on it."""
    return np.float32([[combine(x[0, 0, max(i, 0) : i + 3, max(j, 0) : j + 3]) for j in range(-left, 6 + right - 2 * (stride == 1), stride)]
                       for i in range(-top, 7 + bottom - 2 * (stride == 1), stride)])[None, None]


for pads, ceil, seen in (((1, 1, 0, 0), 0, (7, 4)), ((1, 1, 1, 1), 1, (9, 8)), ((0, 1, 1, 0), 1, (7, 6))):
    inferred, first, reference = results("MaxPool", strides=[1, 1], pads=pads, ceil_mode=ceil)
    right = windows(*pads, 1, np.max)
    print(f"MaxPool pads {pads} ceil_mode {ceil}: inferred {inferred[2:]}, onnxruntime {first.shape[2:]}, reference {reference.shape[2:]}")
    assert np.array_equal(first, right) and inferred == right.shape
    assert reference.shape[2:] == seen != right.shape[2:], "it changed"

for counted in (0, 1):
    inferred, first, reference = results("AveragePool", strides=[3, 3], ceil_mode=1, count_include_pad=counted)
    right = windows(0, 0, 0, 0, 3, np.mean)
    columns = x.reshape(1, 1, 7, 2, 3).mean(-1)
    other = np.stack([columns[:, :, lines].mean(2) for lines in (slice(0, 2), slice(2, 5), slice(5, 6))], 2)
    if counted:
        other[:, :, 0] *= 2 / 3  # the first window counts three lines
    print(f"AveragePool count_include_pad {counted}: right {right[0, 0, 2]}, reference {reference[0, 0, 2]}")
    assert inferred == right.shape and np.allclose(first, right, atol=1e-5)
    assert not np.allclose(other, right, atol=1e-2)
    assert np.allclose(reference, other, atol=1e-5), "it changed"
PY
env/bin/python pool.py
echo "as seen"
