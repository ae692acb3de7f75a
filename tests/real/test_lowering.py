"""Real pretrained nets, blob by blob, and many public prototxts; both lie beside the checkout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from bridge.caffe import read
from bridge.caffe.match import with_filled_weights
from bridge.errors import BridgeError
from bridge.graph.invariants import check
from bridge.graph.io import to_ir, to_proto
from bridge.lower import LoweredModel, lower
from tests.helpers.golden_cases import assert_close
from tests.helpers.keras_against_onnx import in_onnxruntime
from tests.helpers.public_nets import (
    ABSENT,
    REFUSED,
    SHARED,
    ZOO,
    feeds_of,
    input_shapes,
    is_refused,
)

MODELS = sorted(SHARED.glob("models/*/deploy.prototxt")) or ABSENT


@pytest.mark.parametrize("prototxt", MODELS, ids=lambda path: path.parent.name if path else "none")
def test_every_blob_of_a_pretrained_net(prototxt: Path) -> None:
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
    results = _run(lower(net, outputs=known), inputs)
    assert results
    for name in results.keys() & expected.keys():
        assert_close(results[name], expected[name], name)


@pytest.mark.parametrize("prototxt", ZOO, ids=lambda path: path.stem if path else "none")
def test_a_public_prototxt_is_lowered_or_refused_for_a_reason(prototxt: Path) -> None:
    """By the prototxt alone: every value has Caffe's shape, and the graph holds together."""
    reasons = [why for start, why in REFUSED.items() if prototxt.name.startswith(start)]
    if not reasons:
        check(to_ir(_lowered(prototxt)))
        return
    with pytest.raises(BridgeError, match=reasons[0]) as refused:
        _lowered(prototxt)
    assert prototxt.name in str(refused.value)


@pytest.mark.nightly
@pytest.mark.parametrize("prototxt", ZOO, ids=lambda path: path.stem if path else "none")
def test_a_public_net_runs(prototxt: Path) -> None:
    shapes = input_shapes(prototxt)
    if not shapes and is_refused(prototxt):
        pytest.skip("it is refused")
    model = _lowered(prototxt, shapes)
    results = _run(model, feeds_of(model))
    for key, dims in model.outputs.items():
        sizes = zip(results[key].shape, dims, strict=True)
        assert all(isinstance(size, str) or size == real for real, size in sizes), key


def _lowered(prototxt: Path, shapes: Mapping[str, tuple[int, ...]] = {}) -> LoweredModel:
    return lower(with_filled_weights(read(prototxt, input_shape=shapes)), input_shape=shapes)


def _run(model: LoweredModel, feeds: Mapping[str, Any]) -> dict[str, Any]:
    proto = to_proto(model)
    onnx.checker.check_model(proto, full_check=True)
    return in_onnxruntime(proto, {name: np.asarray(x, np.float32) for name, x in feeds.items()})
