#!/usr/bin/env bash
# Of a Gather of several constant indices, what pnnx writes takes one, and loses the axis.
#
# Expected: y has the elements at all of the indices (onnx.ai/onnx/operators/onnx__Gather.html).
# Seen 2026-12-01 with pnnx 20261020, ncnn 1.0.20261020, onnx 1.23.2: channels 2, 1, 0 of an image
# are channel 1 alone, without a word. A Split and a Concat of its parts are right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile --no-deps numpy==2.4.6 pnnx==20261020 ncnn==1.0.20261020
python3 -m pip --python "$work/env" install --quiet --no-compile onnx==1.23.2
cd "$work"
cat >gather.py <<'PY'
import subprocess
from importlib.util import find_spec
from pathlib import Path

import ncnn
import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

x = np.random.default_rng(0).normal(size=(1, 3, 4, 5)).astype(np.float32)
right = x[:, [2, 1, 0]]
NO_BATCH = 233  # as in the program that pnnx writes for these
pnnx = Path(find_spec("pnnx").origin).with_name("pnnx")  # its command would import PyTorch


def result(name, nodes, tensor):
    """What ncnn gives for a graph."""
    ends = [helper.make_tensor_value_info(end, TensorProto.FLOAT, x.shape) for end in "xy"]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [tensor])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    save(model, f"{name}.onnx")
    command = [pnnx, f"{name}.onnx", "inputshape=[1,3,4,5]", "fp16=0"]
    subprocess.run(command, check=True, capture_output=True)
    with ncnn.Net() as net:
        assert not net.load_param(f"{name}.ncnn.param") and not net.load_model(f"{name}.ncnn.bin")
        with net.create_extractor() as extractor:
            extractor.input("in0", ncnn.Mat(x, batch_index=NO_BATCH).clone())
            status, value = extractor.extract("out0")
            assert status == 0
            return value.numpy(batch_index=NO_BATCH).copy()


indices = numpy_helper.from_array(np.int64([2, 1, 0]), "i")
one = result("gather", [helper.make_node("Gather", ["x", "i"], ["y"], axis=1)], indices)
parts = [
    helper.make_node("Split", ["x", "n"], ["a", "b", "c"], axis=1),
    helper.make_node("Concat", ["c", "b", "a"], ["y"], axis=1),
]
both = result("split", parts, numpy_helper.from_array(np.int64([1, 1, 1]), "n"))
print("Gather", one.shape, "Split and Concat", both.shape, "right", right.shape)
assert np.array_equal(both, right), "it changed"
assert np.array_equal(one, x[:, 1]), "it changed"
PY
env/bin/python gather.py
echo "as seen"
