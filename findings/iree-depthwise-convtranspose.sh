#!/usr/bin/env bash
# IREE compiles a depthwise ConvTranspose with two kernels for a channel, and not with one.
#
# Expected: group = c with a weight of c 1 h w is legal (onnx.ai/onnx/operators/onnx__ConvTranspose.html):
# it is how bilinear upsampling is spelled, in FCN and SegNet for instance. onnxruntime 1.26.0 runs both.
# Seen 2026-12-01 with iree-base-compiler 3.13.0, for a CPU: the graph is imported, and iree-compile ends
# with an error and status 1 for a weight of 3 1 2 2; with 3 2 2 2 it compiles. Other groups and one group
# compile too.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile iree-base-compiler==3.13.0 numpy==2.4.6 onnx==1.20.1 onnxruntime==1.26.0
cd "$work"
env/bin/python - <<'PY'
import re
import subprocess

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper

COMPILE = "env/bin/iree-compile g.mlir -o g.vmfb --iree-hal-target-device=local --iree-hal-local-target-device-backends=llvm-cpu --iree-llvmcpu-target-cpu=host"


def compiled(channels: int, kernels: int, group: int) -> str:
    """The compiler's first error, nothing if there is none."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, channels, 4, 4))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, kernels * group, 8, 8))
    weight = numpy_helper.from_array(np.ones((channels, kernels, 2, 2), np.float32), "w")
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], group=group, strides=[2, 2], kernel_shape=[2, 2])
    graph = helper.make_graph([node], "g", [x], [y], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    onnx.save(model, "g.onnx")
    feeds = {"x": np.ones((1, channels, 4, 4), np.float32)}
    onnxruntime.InferenceSession("g.onnx", providers=["CPUExecutionProvider"]).run(None, feeds)
    subprocess.run("env/bin/python env/bin/iree-import-onnx g.onnx -o g.mlir".split(), check=True)
    done = subprocess.run(["env/bin/python", *COMPILE.split()], capture_output=True, text=True)
    print("channels", channels, "kernels for each", kernels, "groups", group, "status", done.returncode)
    return "" if done.returncode == 0 else (re.findall("error: .*", done.stderr) or ["?"])[0]


for channels, kernels, group in ((3, 2, 3), (3, 1, 1), (4, 1, 2)):
    assert not compiled(channels, kernels, group)
error = compiled(3, 1, 3)
print(error[:160])
assert error, "it changed"
PY
echo "as seen"
