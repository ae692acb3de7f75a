#!/usr/bin/env bash
# ONNX infers another shape of an STFT than the operator gives, where the attribute onesided is left out.
#
# Expected: onesided is 1 by default (onnx.ai/onnx/operators, STFT), so 16 samples give 9 frequencies.
# Seen 2026-11-30 with onnx 1.23.2: inferred are 16, as if onesided were 0; onnxruntime 1.32.0 and ONNX's
# own reference give 9. With onesided=1 written out all three agree.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
cd "$work"
cat > stft.py <<'PY'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

x = np.random.default_rng(0).normal(size=(1, 128, 1)).astype(np.float32)
right = np.stack([np.fft.rfft(x[0, at : at + 16, 0]) for at in range(0, 113, 8)])
for attributes, inferred_frequencies in (({}, 16), ({"onesided": 1}, 9)):
    graph = helper.make_graph(
        [helper.make_node("STFT", ["x", "step", "", "length"], ["y"], **attributes)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.array(n), name) for n, name in ((8, "step"), (16, "length"))],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    output = shape_inference.infer_shapes(model, data_prop=True).graph.output[0]
    inferred = [size.dim_value for size in output.type.tensor_type.shape.dim]
    session = onnxruntime.InferenceSession(model.SerializeToString())
    results = session.run(None, {"x": x})[0], ReferenceEvaluator(model).run(None, {"x": x})[0]
    print(attributes, "inferred", inferred, "computed", [y.shape for y in results])
    for y in results:
        assert np.allclose(y[0, ..., 0] + 1j * y[0, ..., 1], right, atol=1e-4), "it changed"
    assert inferred == [1, 15, inferred_frequencies, 2], "it changed"
PY
env/bin/python stft.py
echo "as seen"
