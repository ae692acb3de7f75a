"""Conversions over an existing output that are killed at a random moment."""

from __future__ import annotations

import importlib
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
import onnx

import bridge
from _reliability.children import in_child
from bridge.caffe.write import write_caffemodel
from bridge.convert import raise_caffe

MODES = ("inline", "external", "linked", ".keras", ".tflite")


def two_nets(folder: Path) -> list[tuple[Path, Path]]:
    """A dense net of two hundred thousand weights, all of them 1, and one of 2s."""
    prototxt = folder / "net.prototxt"
    layers = "".join(
        f'layer {{ name: "f{i}" type: "InnerProduct" bottom: "{f"f{i - 1}" if i else "x"}" '
        f'top: "f{i}" inner_product_param {{ num_output: 100 }} }}\n'
        for i in range(20)
    )
    prototxt.write_text('input: "x" input_shape { dim: 1 dim: 100 }\n' + layers)
    pairs = []
    for value in (1, 2):
        path = folder / f"{value}.caffemodel"
        blobs = [np.full((100, 100), value, np.float32), np.full(100, value, np.float32)]
        write_caffemodel(path, "net", [(f"f{i}", "", blobs) for i in range(20)])
        pairs.append((prototxt, path))
    return pairs


def convert(pair: tuple[Path, Path], output: Path, mode: str) -> None:
    if output.suffix == ".onnx":
        bridge.caffe_to_onnx(*pair, output, check=False, weights=mode)
    else:
        raise_caffe(*pair, output, check=False)


def output_of(mode: str, folder: Path) -> Path:
    return folder / f"net{mode if mode.startswith('.') else '.onnx'}"


def prepare(mode: str) -> None:
    """Imports what a conversion needs, so that processes that are copied from this one need not.
    TensorFlow may compute nothing in it: a copy of a process has none of its threads."""
    if mode == ".tflite":
        importlib.import_module("bridge.keras.litert")
        importlib.import_module("tensorflow.lite")


def converted(pairs: Sequence[tuple[Path, Path]], output: Path, mode: str) -> list[bytes]:
    """What the output is for each of the nets, which are converted in turn."""
    files = []
    for pair in pairs:
        in_child(partial(convert, pair, output, mode))
        files.append(output.read_bytes())
    return files


def whole(output: Path, files: Sequence[bytes]) -> bool:
    """Whether the output is one of the two nets, with all of its weights."""
    if output.suffix != ".onnx":
        return output.read_bytes() in files
    tensors = onnx.load(output).graph.initializer
    values = {value for t in tensors for value in np.unique(onnx.numpy_helper.to_array(t))}
    return len(tensors) == 40 and values in ({1}, {2})


def killed(mode: str, kills: int) -> dict[str, int]:
    """Conversions over an existing output, each killed at a random moment."""
    prepare(mode)
    counts = Counter(kills=kills)
    with tempfile.TemporaryDirectory() as name:
        folder, random = Path(name), Random(mode)
        pairs, output = two_nets(folder), output_of(mode, folder)
        files = converted(pairs, output, mode)
        start = time.perf_counter()
        converted(pairs[1:], output, mode)
        length = time.perf_counter() - start
        count = len([*folder.iterdir()])
        for kill in range(kills):
            child = os.fork()
            if not child:
                convert(pairs[kill % 2], output, mode)
                os._exit(0)
            time.sleep(random.uniform(0, 1.2 * length))
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            counts["in time"] += os.WIFSIGNALED(status)
            counts["whole"] += whole(output, files)
        converted(pairs[:1], output, mode)
        counts["left"] = len([*folder.iterdir()]) - count
    return dict(counts)
