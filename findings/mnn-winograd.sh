#!/usr/bin/env bash
# A convolution is off by 1e-4 of its largest value, because of how large its Winograd transform is.
#
# Expected: an error of about 1e-6 of the largest value, as float32 sums of this length have.
# Seen 2026-12-01 with MNN 3.6.1, onnx 1.23.2, on a CPU in float32 (precision "high" is the same): a
# 5×5 convolution of 20 channels is off so. With the hint WINOGRAD_MEMORY_LEVEL (3) at 0 it is exact.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 MNN==3.6.1
cd "$work"
cat >convolution.py <<'PY'
import _tools  # not MNN.tools: that installs packages
import MNN
import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

random = np.random.default_rng(0)
x = random.uniform(0, 1, (1, 20, 12, 12)).astype(np.float32)
kernel = random.normal(0, 0.1, (50, 20, 5, 5)).astype(np.float32)
windows = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), (5, 5), (2, 3))
right = np.einsum("nchwij,ocij->nohw", windows, kernel.astype(np.float64))
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", x.shape), ("y", right.shape))]
node = helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[5, 5])
graph = helper.make_graph([node], "g", ends[:1], ends[1:], [numpy_helper.from_array(kernel, "w")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
checker.check_model(model, full_check=True)
save(model, "net.onnx")
_tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", "net.onnx",
                   "--MNNModel", "net.mnn", "--bizCode", "none"])


def error(level):
    """The greatest error, as a part of the largest value; `level` is the hint, or None."""
    manager = MNN.nn.create_runtime_manager(({"backend": "CPU", "precision": "high"},))
    if level is not None:
        manager.set_hint(3, level)
    net = MNN.nn.load_module_from_file("net.mnn", ["x"], ["y"], runtime_manager=manager)
    (y,) = net.forward([MNN.expr.const(x, list(x.shape), MNN.expr.NCHW)])
    return np.abs(MNN.expr.convert(y, MNN.expr.NCHW).read() - right).max() / np.abs(right).max()


plain, small = error(None), error(0)
print(f"off by {plain:.1e} of the largest value, {small:.1e} with the hint")
assert small < 5e-6, "it changed"
assert plain > 2e-5, "it changed"
PY
env/bin/python convolution.py
echo "as seen"
