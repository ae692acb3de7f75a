#!/usr/bin/env bash
# A model whose graph is in two pieces: protobuf merges them, Netron and tinygrad take the last one.
#
# Expected: "if the value is an embedded message, the parser merges multiple instances of the same
# field" (protobuf.dev/programming-guides/encoding/#last-one-wins). So a model and, appended to it,
# another with more of the same graph are one valid file, by which weights are written as they come.
# Seen 2026-11-30 for an Add, and its constant appended:
#   onnx 1.23.2, onnxruntime 1.32.0: the node and the constant
#   netron 9.3.3 (its onnx-proto.js, in node 20): no node, one constant
#   tinygrad 0.14.0: no output, and no word
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 \
    onnxruntime==1.32.0 netron==9.3.3 tinygrad==0.14.0
cd "$work"
cat > decode.mjs <<'JS'
import * as fs from 'node:fs';
const folder = process.argv[2];
const protobuf = await import(`${folder}/protobuf.js`);
const { onnx } = await import(`${folder}/onnx-proto.js`);
const reader = protobuf.BinaryReader.open(new Uint8Array(fs.readFileSync('model.onnx')));
const graph = onnx.ModelProto.decode(reader).graph;
console.log(graph.node.length, graph.initializer.length);
JS
DEV=PYTHON env/bin/python - <<'PY'
import subprocess
from pathlib import Path

import netron
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper
from tinygrad import Tensor
from tinygrad.nn.onnx import OnnxRunner

ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (2,)) for name in "xy"]
graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", ends[:1], ends[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
more = onnx.ModelProto()
more.graph.initializer.append(numpy_helper.from_array(np.float32([1, 2]), "w"))
Path("model.onnx").write_bytes(model.SerializeToString() + more.SerializeToString())
checker.check_model(onnx.load("model.onnx"), full_check=True)

x = np.float32([10, 20])
session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
(ort,) = session.run(None, {"x": x})
tiny = OnnxRunner("model.onnx")({"x": Tensor(x)})
folder = Path(netron.__file__).parent
(folder / "package.json").write_text('{"type": "module"}')
counts = subprocess.check_output(["node", "decode.mjs", folder], text=True).split()
print("onnxruntime", ort, "tinygrad", tiny, "Netron's nodes and initializers", counts)
assert np.array_equal(ort, x + [1, 2])
assert tiny == {}, "tinygrad changed"
assert counts == ["0", "1"], "Netron changed"
onnx.save(onnx.load("model.onnx"), "model.onnx")
whole = OnnxRunner("model.onnx")({"x": Tensor(x)})["y"].numpy()
assert np.array_equal(whole, x + [1, 2])
assert subprocess.check_output(["node", "decode.mjs", folder], text=True).split() == ["1", "1"]
PY
echo "as seen"
