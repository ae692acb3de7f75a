"""Layers with random settings, many in one net, as Caffe computes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import bridge
from bridge.errors import BridgeError, UnsupportedError
from tests.caffe_itself import random_layers
from tests.caffe_itself.layers import Layer, Rng
from tests.caffe_itself.pairs import lowered_pair
from tests.caffe_itself.random_layers import (
    DRAWS,
    convolution,
    deconvolution,
    im2col,
    lrn,
    mvn,
    normalize,
    pooling,
)
from tests.caffe_itself.random_layers_of_forks import DRAWS_OF_FORKS

LAYERS = 40
Draw = Callable[[Rng], Layer]
each_kind = pytest.mark.parametrize("draw", DRAWS + DRAWS_OF_FORKS, ids=lambda draw: draw.__name__)


@each_kind
def test_random_layers(draw: Draw, tmp_path: Path) -> None:
    holds(random_layers_of(draw, 0, tmp_path), tmp_path, in_keras=False)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(1, 5))
@each_kind
def test_more_random_layers(draw: Draw, seed: int, tmp_path: Path) -> None:
    holds(random_layers_of(draw, seed, tmp_path), tmp_path, in_keras=True)


OPEN = (convolution, deconvolution, im2col, lrn, mvn, normalize, pooling)
DATA = """layer { name: "data" type: "Input" top: "data"
                 input_param { shape { dim: 2 dim: 4 dim: 9 dim: 8 } } }
"""


@pytest.mark.parametrize("draw", OPEN, ids=lambda draw: draw.__name__)
def test_one_graph_holds_at_other_heights_and_widths(
    draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random_layers, "image", lambda rng, least=5: [2, 4, 9, 8])
    rng = np.random.default_rng(0)
    texts = {f"layer{i}": on_data(draw(rng).text(f"layer{i}")) for i in range(LAYERS)}
    alone, lowered = tmp_path / "alone.prototxt", tmp_path / "alone.onnx"
    kept = []
    for text in texts.values():
        alone.write_text(DATA + text)
        with suppress(UnsupportedError):  # Caffe's rounding, where the size decides of it
            bridge.caffe_to_onnx(alone, None, lowered, check=False, dynamic=True)
            kept.append(text)
    assert len(kept) >= LAYERS / 4
    pair, lowered = lowered_pair(tmp_path, DATA + "".join(kept), dynamic=True)
    for height, width in ((9, 8), (10, 10), (11, 9), (17, 12)):
        feeds = {"data": rng.normal(size=(3, 4, height, width)).astype(np.float32)}
        report = bridge.check(pair, lowered, inputs=feeds)
        assert report.ok, f"{report.located()}\n{''.join(kept)}"
        assert len(report.rows) >= len(kept)


def on_data(text: str) -> str:
    """A layer on an input that all share, without its own."""
    return re.sub(r'bottom: "\w+"', 'bottom: "data"', text.splitlines()[-1]) + "\n"


def random_layers_of(draw: Draw, seed: int, folder: Path) -> dict[str, Layer]:
    """Layers by name, without those that are refused, which may be no more than half of them."""
    rng = np.random.default_rng(seed)
    layers = {f"layer{i}": draw(rng) for i in range(LAYERS)}
    refused = {name: why for name, x in layers.items() if (why := refusal(name, x, folder))}
    assert len(refused) < LAYERS / 2, refused
    return {name: x for name, x in layers.items() if name not in refused}


def refusal(name: str, layer: Layer, folder: Path) -> str:
    """Why a net of this layer alone is not lowered; nothing where it is."""
    text = folder / "alone.prototxt"
    text.write_text(layer.text(name))
    try:
        bridge.caffe_to_onnx(text, None, folder / "alone.onnx", check=False)
    except BridgeError as error:
        return str(error)
    return ""


def holds(layers: Mapping[str, Layer], folder: Path, *, in_keras: bool) -> None:
    prototxt = "".join(x.text(name) for name, x in layers.items())
    pair, lowered = lowered_pair(folder, prototxt)
    raised = folder / "net.keras"
    if in_keras:
        bridge.onnx_to_keras(lowered, raised, check=False)
    feeds = {key: array for name, x in layers.items() for key, array in x.feeds(name).items()}
    for received in [lowered, raised][: 1 + in_keras]:
        report = bridge.check(pair, received, inputs=feeds)
        wrong = {row.name.split(".")[0] for row in report.rows if row.verdict == "differs"}
        texts = [layers[name].text(name) for name in wrong]
        # A layer that gives one number, or only zeros, cannot tell; most of them can.
        assert report.first is None, "\n".join([report.located(), *texts])
        assert sum(row.ok for row in report.rows) > len(report.rows) / 2
        compared = {row.name.split(".")[0] for row in report.rows}
        assert layers.keys() - compared <= {n for n, x in layers.items() if is_constant(x)}


def is_constant(layer: Layer) -> bool:
    """What depends on shapes alone is no tensor of a Keras model."""
    return layer.type == "PriorBox"
