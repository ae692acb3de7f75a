#!/usr/bin/env bash
# An output that an activation reads as well has the activation's numbers, and other axes.
#
# Expected: y = Gemm(x), or Flatten(Conv(x)), and z = Relu(y), both outputs: y may be negative.
# Seen 2026-12-01 with MNN 3.6.1, onnx 1.23.2, on a CPU: y is z, in the shape of a convolution's result,
# (1, 8, 1, 1) instead of (1, 8). So it is with Sigmoid, and with two Neg between. z is right; so is y
# in a graph without the Relu, and so are both of Conv and Relu with nothing between.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 MNN==3.6.1
cd "$work"
cat >activation.py <<'PY'
import _tools  # not MNN.tools: that installs packages
import MNN
import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

random = np.random.default_rng(0)
row = random.normal(size=(1, 16)).astype(np.float32)
image = row.reshape(1, 16, 1, 1)
weight = random.normal(size=(8, 16)).astype(np.float32)
right = row @ weight.T


def results(nodes, x, weight, outputs, shape=(1, 8)):
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes)
            for name, sizes in (("x", x.shape), *((name, shape) for name in outputs))]
    made = [helper.make_node(op, reads, [writes], **settings) for op, reads, writes, settings in nodes]
    graph = helper.make_graph(made, "g", ends[:1], ends[1:], [numpy_helper.from_array(weight, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    save(model, "net.onnx")
    _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", "net.onnx",
                       "--MNNModel", "net.mnn", "--bizCode", "none"])
    manager = MNN.nn.create_runtime_manager(({"backend": "CPU", "precision": "high"},))
    net = MNN.nn.load_module_from_file("net.mnn", ["x"], outputs, runtime_manager=manager)
    values = net.forward([MNN.expr.const(x, list(x.shape), MNN.expr.NCHW)])
    return [MNN.expr.convert(value, MNN.expr.NCHW).read().copy() for value in values]


GEMM = ("Gemm", ["x", "w"], "y", {"transB": 1})
RELU = ("Relu", ["y"], "z", {})
kernel = weight.reshape(8, 16, 1, 1)
CONV = [("Conv", ["x", "w"], "c", {}), ("Flatten", ["c"], "y", {})]
for nodes, x, w in (([GEMM, RELU], row, weight), ([*CONV, RELU], image, kernel)):
    y, z = results(nodes, x, w, ["y", "z"])
    error = np.abs(y.ravel() - right.ravel()).max()
    print(nodes[0][0], "y", y.shape, f"off by {error:.2f}, z by {np.abs(z - np.maximum(right, 0)).max():.0e}")
    assert np.allclose(z, np.maximum(right, 0), atol=1e-5), "it changed"
    assert y.shape == (1, 8, 1, 1) and np.allclose(y.ravel(), z.ravel(), atol=1e-5), "it changed"
    assert error > 0.1, "it changed"
    (y,) = results(nodes[:-1], x, w, ["y"])
    print("y alone", y.shape, f"off by {np.abs(y.ravel() - right.ravel()).max():.0e}")
    assert np.allclose(y.ravel(), right.ravel(), atol=1e-5), "it changed"
c, _ = results([("Conv", ["x", "w"], "y", {}), RELU], image, kernel, ["y", "z"], (1, 8, 1, 1))
assert np.allclose(c.ravel(), right.ravel(), atol=1e-5), "it changed"
PY
env/bin/python activation.py
echo "as seen"
