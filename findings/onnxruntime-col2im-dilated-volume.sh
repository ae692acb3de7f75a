#!/usr/bin/env bash
# onnxruntime puts the blocks of a dilated Col2Im of three axes back in wrong places.
#
# Expected: element b of the block at p is added at p·stride + b·dilation of the padded image
# (onnx.ai/onnx/operators, Col2Im), as ONNX's reference and a sum by definition in NumPy have it.
# Seen 2026-11-30 with onnxruntime 1.32.0 (CPU), onnx 1.23.2: equal without dilation, and with it over
# two axes; over 5 x 5 x 5 with blocks of 2 and dilations of 2 off by more than 1, where values are about 1.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
cd "$work"
cat > col2im.py <<'PY'
from itertools import product
from math import prod

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator


def right(x, image, dilation):
    counts = [size - dilation for size in image]
    y = np.zeros((1, *image), np.float32)
    columns = x[0].reshape(1, *[2] * len(image), *counts)
    for block in product(range(2), repeat=len(image)):
        for at in product(*map(range, counts)):
            y[(0, *(p + b * dilation for p, b in zip(at, block)))] += columns[(0, *block, *at)]
    return y[None]


def errors(image, dilation):
    rank = len(image)
    columns = prod(size - dilation for size in image)
    x = np.random.default_rng(0).normal(size=(1, 2**rank, columns)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Col2Im", ["x", "image", "block"], ["y"], dilations=[dilation] * rank)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, *image])],
        [
            numpy_helper.from_array(np.array(image), "image"),
            numpy_helper.from_array(np.array([2] * rank), "block"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    results = session.run(None, {"x": x})[0], ReferenceEvaluator(model).run(None, {"x": x})[0]
    return [float(np.abs(result - right(x, image, dilation)).max()) for result in results]


for image, dilation in (([5, 5], 2), ([5, 5, 5], 1), ([5, 5, 5], 2)):
    runtime, reference = errors(image, dilation)
    print(f"{image}, dilation {dilation}: onnxruntime off by {runtime:.2g}, the reference by {reference:.2g}")
    assert reference < 1e-5, "the reference changed"
    assert (runtime > 1) == (len(image) == 3 and dilation == 2), "it changed"
PY
env/bin/python col2im.py
echo "as seen"
