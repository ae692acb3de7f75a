"""Real pretrained nets, blob by blob, and many public prototxts; both lie beside the checkout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge.caffe import Blob, read
from bridge.caffe.shapes import infer
from bridge.errors import BridgeError
from bridge.graph.invariants import check
from bridge.graph.io import to_ir
from bridge.lower import LoweredModel, lower
from bridge.lower.cut import cut
from golden_cases import assert_close

SHARED = Path(__file__).parents[2].parent / "shared"
ABSENT = [pytest.param(None, marks=pytest.mark.skip("no such folder beside the checkout"))]
MODELS = sorted(SHARED.glob("models/*/deploy.prototxt")) or ABSENT
ZOO = sorted(SHARED.glob("zoo/*.prototxt")) or ABSENT


@pytest.mark.parametrize("prototxt", MODELS, ids=lambda path: path.parent.name if path else "none")
def test_every_blob_of_a_pretrained_net(prototxt: Path, run: Callable[..., Any]) -> None:
    folder = prototxt.parent
    with np.load(folder / "io.npz") as arrays:
        recorded = {key: arrays[key] for key in arrays.files}
    inputs = {key[3:]: array for key, array in recorded.items() if key.startswith("in/")}
    expected = {key[4:]: array for key, array in recorded.items() if key.startswith("out/")}
    if (folder / "blobs.npz").exists():
        with np.load(folder / "blobs.npz") as arrays:
            expected |= {key: arrays[key] for key in arrays.files if key not in inputs}
    net = read(prototxt, folder / "weights.caffemodel")
    # Blobs that a layer works on in place are recorded as its last writer left them.
    written = {top for layer in net.layers for top in layer.tops}
    known = sorted(written & expected.keys()) or list(net.outputs)
    results = run(lower(net, outputs=known), **inputs)
    assert results
    for name in results.keys() & expected.keys():
        assert_close(results[name], expected[name], name)


@pytest.mark.parametrize("prototxt", ZOO, ids=lambda path: path.stem if path else "none")
def test_a_public_prototxt_is_lowered_or_refused(prototxt: Path) -> None:
    """With weights of zeros: every value then has Caffe's shape, and the graph holds together."""
    result = _lowered_or_refused(prototxt)
    if isinstance(result, LoweredModel):
        check(to_ir(result))
    else:
        assert prototxt.name in str(result)


def _lowered_or_refused(prototxt: Path) -> LoweredModel | BridgeError:
    try:
        net = cut(read(prototxt))
        layers = (
            replace(layer, blobs=tuple(map(_zeros, shapes)))
            for layer, shapes in zip(net.layers, infer(net).weights, strict=True)
        )
        return lower(replace(net, layers=tuple(layers)))
    except BridgeError as error:
        return error


def _zeros(shape: tuple[int, ...]) -> Blob:
    return Blob(shape, lambda: np.zeros(shape, np.float32))
