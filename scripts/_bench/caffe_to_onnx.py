"""What an ONNX file of a Caffe net costs, on disk and in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from _bench.measure import (
    FOLDER,
    MIB,
    Command,
    apart,
    bridge,
    measured,
    output_of,
    python,
)
from _bench.nets import lenet, vdsr, vgg16
from _bench.others import NO_EARLIER, earlier_build
from _bench.table import Row

ROUNDS = 5
# The most that each of --weights may take, by `cp`.
MODES = {"inline": 1.6, "external": 1.5, "linked": 0.2}

# All that a conversion imports, and nothing more.
IMPORTS = (
    "import bridge.cli, bridge.convert, bridge.caffe, bridge.caffe.preprocessing, bridge.lower, "
    "bridge.graph.io"
)


def start() -> Iterator[Row]:
    net = lenet().caffe or ()
    whole = _lowering(net, FOLDER / "start.onnx", "--no-check")
    costs = measured({"onnx": python("import onnx"), "lenet": whole}, 3 * ROUNDS)
    ratio = costs["lenet"].seconds / costs["onnx"].seconds
    yield Row("caffe-to-onnx --no-check, LeNet: by import onnx", ratio, "x", 1.3)


def _lowering(
    net: Sequence[Path], output: Path, *options: str, root: Path | None = None
) -> Command:
    command = ("caffe-to-onnx", *net, "-o", output, *options)
    return bridge(*command) if root is None else bridge(*command, root=root)


def weights() -> Iterator[Row]:
    net = vgg16().caffe or ()
    caffemodel, copy = net[1], FOLDER / "vgg16.copy"
    outputs = {mode: FOLDER / f"vgg16-{mode}.onnx" for mode in MODES}
    modes = {
        mode: _lowering(net, path, "--no-check", "--weights", mode)
        for mode, path in outputs.items()
    }
    cp = Command(["cp", str(caffemodel), str(copy)])
    costs = measured({"cp": cp, "idle": python(IMPORTS), **modes}, ROUNDS)
    copy.unlink()
    scan = median(float(output_of(python(SCAN, caffemodel))) for _ in range(ROUNDS))
    yield Row("scan of VGG16's caffemodel, by cp", scan / costs["cp"].seconds, "x", 0.05)
    for mode, bar in MODES.items():
        seconds = (costs[mode].seconds - costs["idle"].seconds) / costs["cp"].seconds
        peak = (costs[mode].peak - costs["idle"].peak) / MIB
        yield Row(f"VGG16 to ONNX --no-check, {mode}: beyond imports, by cp", seconds, "x", bar)
        yield Row(f"VGG16 to ONNX --no-check, {mode}: peak beyond imports", peak, "MiB", 150)
    fetched = fetched_for(modes["linked"], caffemodel)
    yield Row("VGG16 linked: fetched from the caffemodel", fetched / 1024, "KiB")
    difference = apart(differ, list(outputs.values()))
    yield Row("greatest difference between the three files", difference, "", 0)


SCAN = """
import sys, time
from pathlib import Path
from bridge.caffe.files import weights
start = time.process_time()
layers = weights.read(Path(sys.argv[1]))
print(time.process_time() - start)
"""


def fetched_for(command: Command, path: Path) -> int:
    """How many bytes of a file the system fetches for a command, readahead and all."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    output_of(command)
    fincore = ["fincore", "--bytes", "--noheadings", "--output", "RES", str(path)]
    return int(output_of(Command(fincore)))


def differ(models: Sequence[Path]) -> float:
    """The greatest difference between what onnxruntime makes of models of VGG16."""
    import numpy as np
    import onnxruntime

    image = np.random.default_rng(0).random((1, 3, 224, 224), np.float32)
    results = [onnxruntime.InferenceSession(path).run(None, {"data": image})[0] for path in models]
    return max(float(np.abs(result - results[0]).max()) for result in results)


def checked() -> Iterator[Row]:
    with earlier_build() as earlier:
        for name, net in (("vdsr", vdsr()), ("VGG16", vgg16().caffe or ())):
            what = f"caffe-to-onnx checked, {name}"
            if earlier is None:
                yield Row(f"{what}: by the earlier build", None, "x", reason=NO_EARLIER)
                continue
            output = FOLDER / "checked.onnx"
            commands = {
                "ours": _lowering(net, output),
                "earlier": _lowering(net, output, root=earlier),
            }
            ours, other = measured(commands, 1, warm=True).values()
            yield Row(f"{what}: peak by the earlier build", ours.peak / other.peak, "x", 0.5)
            yield Row(f"{what}: CPU by the earlier build", ours.seconds / other.seconds, "x")
