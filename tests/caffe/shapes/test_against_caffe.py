"""Shapes are those that real Caffe computes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bridge.caffe import Net, read
from bridge.caffe.match import with_filled_weights
from bridge.caffe.net import Shape
from bridge.caffe.shapes import DYNAMIC, Shapes, infer
from bridge.errors import BridgeError
from tests.helpers.golden_cases import Case, cases


def blob_shape(shapes: Shapes, net: Net, blob: str) -> Shape:
    """The shape of a blob after the whole net has run: that of its last value."""
    written = [top for layer in net.layers for top in layer.tops if top.partition(":")[0] == blob]
    return shapes.values[blob if blob in written or not written else written[-1]]


def agree(shape: Shape, expected: Shape) -> bool:
    return len(shape) == len(expected) and all(
        dim in (DYNAMIC, other) for dim, other in zip(shape, expected, strict=True)
    )


@pytest.mark.parametrize("case", cases(without={"alias"}), ids=str)
def test_golden_nets(case: Case) -> None:
    net = read(case.prototxt, case.caffemodel)
    shapes = infer(net, {name: array.shape for name, array in case.inputs.items()})
    assert len(net.outputs) == len(case.outputs)
    for blob, expected in {**case.outputs, **case.between}.items():
        assert agree(blob_shape(shapes, net, blob), expected.shape), blob
    dynamic = any(DYNAMIC in shapes.values[value] for value in net.outputs)
    assert dynamic == ("dynamic" in case.tags)
    for layer, needed in zip(net.layers, shapes.weights, strict=True):
        assert tuple(blob.shape for blob in layer.blobs) == needed, layer
        assert all(blob.array().shape == blob.shape for blob in layer.blobs)


Record = Callable[[str, object], None]


def test_zoo(zoo: Path) -> None:
    """Every blob, and every weight that its fillers make, has the shape that Caffe gives it."""
    index = json.loads((zoo / "index.json").read_text())
    shaped = [entry for entry in index if "shapes" in entry]
    assert len(shaped) == 54
    for entry in shaped:
        net = with_filled_weights(read(zoo / entry["file"]))
        shapes = infer(net)
        for blob, shape in entry["shapes"]["blobs"].items():
            assert agree(blob_shape(shapes, net, blob), tuple(shape)), (entry["file"], blob)
        weights = {la.name: [list(b.shape) for b in la.blobs] for la in net.layers if la.blobs}
        assert weights == entry["shapes"]["params"], entry["file"]


def outcome(path: Path) -> str:
    """What becomes of a net of which nobody recorded the shapes."""
    stage = "refused"
    try:
        net = with_filled_weights(read(path))
        stage = "read"
        infer(net)
    except BridgeError as error:
        reason = " ".join(str(error).replace(f"{path.parent}/", "").split())
        return f"{stage}: {reason}"
    return "read, with all its shapes; none are recorded to compare them with"


def test_the_rest_of_the_zoo_is_read_or_refused(zoo: Path, record_property: Record) -> None:
    index = json.loads((zoo / "index.json").read_text())
    recorded = {entry["file"] for entry in index if "shapes" in entry}
    rest = [path for path in sorted(zoo.glob("*.prototxt")) if path.name not in recorded]
    assert len(rest) == 60
    for path in rest:
        result = outcome(path)
        assert path.name in result or result.startswith("read, with all")
        record_property("The rest of the zoo", f"{path.name} {result}")


def test_real_models(real_models: Path) -> None:
    folders = [folder for folder in real_models.iterdir() if (folder / "blobs.npz").exists()]
    assert folders
    for folder in folders:
        net = read(folder / "deploy.prototxt", folder / "weights.caffemodel")
        with np.load(folder / "io.npz") as io, np.load(folder / "blobs.npz") as blobs:
            shapes = infer(net, {k[3:]: io[k].shape for k in io.files if k.startswith("in/")})
            for name in blobs.files:
                expected = blobs[name].shape
                assert agree(blob_shape(shapes, net, name), expected), (folder.name, name)
