#!/usr/bin/env bash
# MNN's NonMaxSuppression keeps the boxes of the first image only, where the batch is a free size.
#
# Expected: for two images of three boxes apart, six rows of image, class and box
# (onnx.ai/onnx/operators/onnx__NonMaxSuppression.html), whatever the graph says of the batch.
# Seen 2026-11-30 with MNN 3.6.1, without a word: six rows where the graph says 2, three where it says
# "batch". onnxruntime 1.32.0 gives six in both.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for package in onnxruntime==1.32.0 MNN==3.6.1; do
    python3 -m venv --without-pip "$work/${package%%=*}"
    python3 -m pip --python "$work/${package%%=*}" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 "$package"
done
cd "$work"
cat >nms.py <<'PY'
import sys

import numpy as np
import onnx
from onnx import TensorProto, checker, helper, numpy_helper

boxes = np.float32([[[0, 0, 1, 1], [2, 2, 3, 3], [4, 4, 5, 5]]] * 2)
scores = np.float32([[[0.9, 0.8, 0.7]], [[0.6, 0.5, 0.4]]])
ROWS = [[image, 0, box] for image in (0, 1) for box in (0, 1, 2)]


def save(name: str, batch: object) -> None:
    inputs = [helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [batch, 3, 4]),
              helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, 1, 3])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.INT64, ["rows", 3])]
    limits = {"most": np.int64([5]), "iou": np.float32([0.5]), "low": np.float32([0.1])}
    node = helper.make_node("NonMaxSuppression", ["boxes", "scores", *limits], ["y"])
    tensors = [numpy_helper.from_array(array, key) for key, array in limits.items()]
    graph = helper.make_graph([node], "g", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    onnx.save(model, f"{name}.onnx")


def onnxruntime(name: str) -> list[list[int]]:
    import onnxruntime

    session = onnxruntime.InferenceSession(f"{name}.onnx", providers=["CPUExecutionProvider"])
    return session.run(None, {"boxes": boxes, "scores": scores})[0].tolist()


def mnn(name: str) -> list[list[int]]:
    import _tools  # not MNN.tools, which installs packages when it is imported
    import MNN

    _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", f"{name}.onnx",
                       "--MNNModel", f"{name}.mnn", "--bizCode", "none"])
    net = MNN.nn.load_module_from_file(f"{name}.mnn", ["boxes", "scores"], ["y"])
    fed = [MNN.expr.const(array, list(array.shape), MNN.expr.NCHW) for array in (boxes, scores)]
    return np.asarray(net.forward(fed)[0].read()).tolist()


run, rows = {"onnxruntime": onnxruntime, "mnn": mnn}[sys.argv[1]], int(sys.argv[2])
for name, batch in (("fixed", 2), ("free", "batch")):
    save(name, batch)
    y = run(name)
    print(sys.argv[1], name, y)
    assert y == (ROWS if name == "fixed" else ROWS[:rows]), "it changed"
PY
onnxruntime/bin/python nms.py onnxruntime 6
MNN/bin/python nms.py mnn 3 2>&1 | grep "^mnn"
echo "as seen"
