"""What a .keras file costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from _bench.measure import FOLDER, MIB, Command, Cost, bridge, measured, python
from _bench.nets import Net, application, lenet, open_nsfw, public
from _bench.nets import vgg16 as vgg16_net
from _bench.others import NO_EARLIER, earlier_build, onnx2tf, onnx2tf_of
from _bench.table import Row

OUTPUT = FOLDER / "net.keras"
ROUNDS = 3

# All that a conversion without its check imports, and nothing more.
IDLE = "import bridge.cli, bridge.convert, bridge.graph.io, bridge.graph.passes, bridge.raising"
ENGINES = "import keras, onnxruntime, bridge.cli, bridge.convert"


def small_nets() -> Iterator[Row]:
    nets = {
        "LeNet": lenet(),
        "open_nsfw": open_nsfw(),
        "NASNetMobile": application("NASNetMobile"),
        "ResNet-50": public("resnet50"),
    }
    with earlier_build() as earlier:
        for name, net in nets.items():
            yield from _by_earlier(name, net, earlier)
    for name, net in nets.items():
        yield from _by_onnx2tf(name, net.onnx)


def _by_earlier(name: str, net: Net, earlier: Path | None) -> Iterator[Row]:
    verbs: dict[str, tuple[Path, ...]] = {"onnx-to-keras": (net.onnx,)}
    if net.caffe is not None:
        verbs["caffe-to-keras"] = net.caffe
    for verb, files in verbs.items():
        what = f"{verb} --no-check, {name}"
        if earlier is None:
            yield Row(f"{what}: by the earlier build", None, "x", reason=NO_EARLIER)
            continue
        costs = measured(_both(earlier, verb, *files, "--no-check"), ROUNDS, warm=name != "LeNet")
        yield Row(f"{what}: CPU by the earlier build", *_seconds(costs), 0.2)
        yield Row(f"{what}: peak by the earlier build", *_peaks(costs), 0.2)


def _both(earlier: Path, verb: str, *arguments: object) -> dict[str, Command]:
    command = (verb, *arguments, "-o", OUTPUT)
    return {"ours": bridge(*command), "earlier": bridge(*command, root=earlier)}


def _seconds(costs: Mapping[str, Cost]) -> tuple[float, str]:
    return costs["ours"].seconds / costs["earlier"].seconds, "x"


def _peaks(costs: Mapping[str, Cost]) -> tuple[float, str]:
    return costs["ours"].peak / costs["earlier"].peak, "x"


def _by_onnx2tf(name: str, model: Path) -> Iterator[Row]:
    what, command = f"onnx-to-keras --no-check, {name}: CPU by onnx2tf's .tflite", onnx2tf()
    if isinstance(command, str):
        yield Row(what, None, "x", reason=command)
        return
    ours = bridge("onnx-to-keras", model, "-o", OUTPUT, "--no-check")
    costs = measured({"ours": ours, "theirs": onnx2tf_of(model)}, ROUNDS, warm=name != "LeNet")
    yield Row(what, costs["ours"].seconds / costs["theirs"].seconds, "x", 0.4)


def vgg16() -> Iterator[Row]:
    net = vgg16_net().onnx
    weights, copy = net.stat().st_size, FOLDER / "vgg16.copy"
    costs = measured(
        {
            "cp": Command(["cp", str(net), str(copy)]),
            "idle": python(IDLE),
            "ours": bridge("onnx-to-keras", net, "-o", OUTPUT, "--no-check"),
        },
        ROUNDS,
    )
    copy.unlink()
    cp, idle, ours = costs.values()
    yield Row(
        "VGG16 to .keras --no-check: beyond imports, by cp",
        (ours.seconds - idle.seconds) / cp.seconds,
        "x",
        3,
    )
    yield Row(
        "VGG16 to .keras --no-check: peak beyond imports", (ours.peak - idle.peak) / MIB, "MiB", 150
    )
    what = "VGG16 to .keras, checked: CPU by the earlier build"
    with earlier_build() as earlier:
        if earlier is None:
            yield Row(what, None, "x", reason=NO_EARLIER)
            return
        engines = {"engines": python(ENGINES), "loaded": python(LOAD, OUTPUT)}
        both = _both(earlier, "onnx-to-keras", net)
        costs = measured({**engines, **both}, 1, warm=True)
    yield Row(what, *_seconds(costs), 0.6)
    yield Row("VGG16 to .keras, checked: peak by the earlier build", *_peaks(costs))
    beyond = {name: costs[name].peak - costs["engines"].peak for name in ("ours", "loaded")}
    yield Row(
        "VGG16 to .keras, checked: peak beyond imports, by the weights",
        beyond["ours"] / weights,
        "x",
        2.5,
    )
    yield Row(
        "of which Keras takes to load the file, by the weights", beyond["loaded"] / weights, "x"
    )


LOAD = """
import sys
import bridge.cli, bridge.convert, keras, onnxruntime
keras.saving.load_model(sys.argv[1])
"""
