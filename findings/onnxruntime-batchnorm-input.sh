#!/usr/bin/env bash
# onnxruntime writes into the caller's array: a BatchNormalization that trains, whose mean and
# variance are one input, puts the new variance where that input lies.
#
# Expected: an input is as it was after a run (onnx.ai/onnx/operators/onnx__BatchNormalization.html:
# the running mean and variance are outputs of their own).
# Seen 2026-11-30 with onnxruntime 1.32.0, where another node reads the new variance: the NumPy array
# that was passed holds it afterwards, and a second run with the same arrays gives another running
# mean. Where the new variance is an output, or mean and variance are two inputs, nothing changes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
"$work/env/bin/python" - <<'PY'
import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper

x, start = np.arange(8, dtype=np.float32).reshape(2, 4), np.float32([1, 2, 3, 4])
MEAN = start / 2 + x.mean(axis=0) / 2


def ran(statistics: tuple[str, str], read: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The running mean of two runs on the same arrays, and the mean that was passed, afterwards."""
    sizes = {"x": [2, 4], "y": [2, 4]}
    names = ["x", "scale", "bias", *dict.fromkeys(statistics)]
    nodes = [helper.make_node("BatchNormalization", ["x", "scale", "bias", *statistics],
                              ["y", "mean", "variance"], momentum=0.5, training_mode=1)]
    if read:
        nodes.append(helper.make_node("Neg", ["variance"], ["negative"]))
    results = ["y", "mean", "negative" if read else "variance"]
    values = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes.get(name, [4]))
               for name in group] for group in (names, results)]
    graph = helper.make_graph(nodes, "g", *values)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(),
                                           providers=["CPUExecutionProvider"])
    feeds = {"x": x, "scale": np.ones(4, np.float32), "bias": np.zeros(4, np.float32)}
    feeds |= {name: start.copy() for name in statistics}
    means = [session.run(["mean", results[2]], feeds)[0] for _ in range(2)]
    return *means, feeds[statistics[0]]


for statistics, read, changes in (
    (("a", "b"), True, False), (("a", "a"), False, False), (("a", "a"), True, True),
):
    first, second, passed = ran(statistics, read)
    print(statistics, "variance read by a node" if read else "variance returned",
          "| passed", start.tolist(), "now", passed.tolist(), "| means", first.tolist(), second.tolist())
    assert np.array_equal(passed, start) is not changes
    assert np.array_equal(second, MEAN) is not changes
print("as seen")
PY
