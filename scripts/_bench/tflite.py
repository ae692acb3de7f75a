"""What a .tflite file costs."""

from __future__ import annotations

from collections.abc import Iterator

from _bench.measure import FOLDER, bridge, measured
from _bench.nets import application, lenet
from _bench.others import onnx2tf, onnx2tf_of
from _bench.table import Row


def rows() -> Iterator[Row]:
    for name, net in (("LeNet", lenet()), ("MobileNetV2", application("MobileNetV2"))):
        what, command = f"to .tflite --no-check, {name}: CPU by onnx2tf", onnx2tf()
        if isinstance(command, str):
            yield Row(what, None, "x", reason=command)
            continue
        ours = bridge("onnx-to-keras", net.onnx, "-o", FOLDER / "net.tflite", "--no-check")
        costs = measured({"ours": ours, "theirs": onnx2tf_of(net.onnx)}, 2, warm=True)
        yield Row(what, costs["ours"].seconds / costs["theirs"].seconds, "x", 1)
        peaks = costs["ours"].peak / costs["theirs"].peak
        yield Row(what.replace("CPU", "peak"), peaks, "x")
