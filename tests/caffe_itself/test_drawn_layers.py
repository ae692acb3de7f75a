"""Layers with drawn settings, many in one net, as Caffe computes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

import bridge
from bridge.errors import BridgeError
from caffe_itself.drawn import Drawn, Rng
from caffe_itself.draws import DRAWS
from public_nets import write_even_weights

LAYERS = 40
Draw = Callable[[Rng], Drawn]
each_kind = pytest.mark.parametrize("draw", DRAWS, ids=lambda draw: draw.__name__)


@each_kind
def test_drawn_layers(draw: Draw, tmp_path: Path) -> None:
    holds(drawn(draw, 0, tmp_path), tmp_path, in_keras=False)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(1, 5))
@each_kind
def test_more_drawn_layers(draw: Draw, seed: int, tmp_path: Path) -> None:
    holds(drawn(draw, seed, tmp_path), tmp_path, in_keras=True)


def drawn(draw: Draw, seed: int, folder: Path) -> dict[str, Drawn]:
    """Layers by name, without those that are refused, which may be no more than half of them."""
    rng = np.random.default_rng(seed)
    layers = {f"layer{i}": draw(rng) for i in range(LAYERS)}
    refused = {name: why for name, x in layers.items() if (why := refusal(name, x, folder))}
    assert len(refused) < LAYERS / 2, refused
    return {name: x for name, x in layers.items() if name not in refused}


def refusal(name: str, layer: Drawn, folder: Path) -> str:
    """Why a net of this layer alone is not lowered; nothing where it is."""
    text = folder / "alone.prototxt"
    text.write_text(layer.text(name))
    try:
        bridge.caffe_to_onnx(text, None, folder / "alone.onnx", check=False)
    except BridgeError as error:
        return str(error)
    return ""


def holds(layers: Mapping[str, Drawn], folder: Path, *, in_keras: bool) -> None:
    ends = ("prototxt", "caffemodel", "onnx", "keras")
    text, weights, lowered, raised = (folder / f"net.{end}" for end in ends)
    text.write_text("".join(x.text(name) for name, x in layers.items()))
    write_even_weights(text, weights)
    bridge.caffe_to_onnx(text, weights, lowered, check=False)
    if in_keras:
        bridge.onnx_to_keras(lowered, raised, check=False)
    feeds = {key: array for name, x in layers.items() for key, array in x.feeds(name).items()}
    for received in [lowered, raised][: 1 + in_keras]:
        report = bridge.check((text, weights), received, inputs=feeds)
        wrong = {row.name.split(".")[0] for row in report.rows if not row.ok}
        texts = [layers[name].text(name) for name in wrong]
        assert report.ok, "\n".join([report.located(), *texts])
        compared = {row.name.split(".")[0] for row in report.rows}
        assert layers.keys() - compared <= {n for n, x in layers.items() if is_constant(x)}


def is_constant(layer: Drawn) -> bool:
    """What depends on shapes alone is no tensor of a Keras model."""
    return layer.type == "PriorBox"
