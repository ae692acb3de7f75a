#!/usr/bin/env bash
# A PRelu slope that broadcasts along the width is used along the channels by OpenVINO and OpenCV 5.
#
# Expected: slope is broadcast to x as numpy does it, from the last axis
# (onnx.ai/onnx/operators/onnx__PRelu.html). A slope of shape (3,) on x of 1 3 2 3 is one number
# for each column. Channels-last graphs hold such slopes: 1 h w c with a slope of shape (c,).
# Seen 2026-11-29, no word said, and only where the width equals axis 1's length:
#   openvino 2026.4.1:  (3,) goes to the channels; (1, 1, 1, 3) is right. With 4 channels (3,) is right.
#   opencv-python-headless 5.0.0.93: (3,) and (1, 1, 1, 3), which has no second reading, go to the channels.
#   onnxruntime 1.32.0: right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 \
    openvino==2026.4.1 opencv-python-headless==5.0.0.93
cd "$work"
env/bin/python - <<'PY'
import cv2
import numpy as np
import onnxruntime
import openvino
from onnx import TensorProto, checker, helper, numpy_helper

slope = np.array([1, 2, 3], np.float32)


def graph_of(channels: int, shape: tuple[int, ...]) -> tuple[bytes, np.ndarray]:
    x = -np.ones((1, channels, 2, 3), np.float32)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, x.shape) for name in "xy"]
    graph = helper.make_graph([helper.make_node("PRelu", ["x", "slope"], ["y"])], "g", ends[:1], ends[1:],
                              [numpy_helper.from_array(slope.reshape(shape), "slope")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    return model.SerializeToString(), x


def ort(raw: bytes, x: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession(raw, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


def vino(raw: bytes, x: np.ndarray) -> np.ndarray:
    core = openvino.Core()
    return core.compile_model(core.read_model(raw), "CPU")({"x": x})[0]


def opencv(raw: bytes, x: np.ndarray) -> np.ndarray:
    net = cv2.dnn.readNetFromONNX(np.frombuffer(raw, np.uint8))
    net.setInput(x, "x")
    return net.forward("y")


along = {"width": -slope, "channels": -slope[:, None, None]}
seen = {
    (3, (3,)): {ort: "width", vino: "channels", opencv: "channels"},
    (3, (1, 1, 1, 3)): {ort: "width", vino: "width", opencv: "channels"},
    (4, (3,)): {ort: "width", vino: "width"},
}
for (channels, shape), runtimes in seen.items():
    raw, x = graph_of(channels, shape)
    for run, axis in runtimes.items():
        y = run(raw, x)
        print(f"{channels} channels, slope {shape}, {run.__name__}: {axis}")
        assert np.array_equal(y, np.broadcast_to(along[axis], x.shape)), f"it changed: {y}"
PY
echo "as seen"
