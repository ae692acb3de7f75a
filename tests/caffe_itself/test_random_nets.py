"""Random nets: layers that work in place on blobs which others read afterwards, blobs
that many read, weights that layers share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

import bridge
from tests.caffe_itself.layers import Rng, fields, one_of
from tests.caffe_itself.pairs import lowered_pair

SIZES = "dim: 2 dim: 4 dim: 6 dim: 5"

# All keep the shape of what they read, so that any can read any other's; some may be in place.
IN_PLACE = {
    "ReLU": "relu_param { negative_slope: 0.1 }",
    "BatchNorm": "",
    "Scale": "scale_param { bias_term: true }",
    "Power": "power_param { scale: 0.5 shift: 0.3 }",
    "TanH": "",
    "Dropout": "",
    "PReLU": "",
    "Softmax": "",
}
ONE = {
    **IN_PLACE,
    "Convolution": "convolution_param { num_output: 4 kernel_size: 3 pad: 1 }",
    "Deconvolution": "convolution_param { num_output: 4 kernel_size: 3 pad: 1 }",
    "Pooling": "pooling_param { kernel_size: 3 pad: 1 }",
    "LRN": "lrn_param { local_size: 3 alpha: 0.5 }",
}
SHARING = ("Convolution", "Scale", "PReLU")


@dataclass
class Text:
    """A prototxt under construction, and the blobs that it has."""

    layers: list[str] = field(
        default_factory=lambda: [
            f'layer {{ name: "in" type: "Input" top: "in" input_param {{ shape {{ {SIZES} }} }} }}'
        ]
    )
    blobs: list[str] = field(default_factory=lambda: ["in"])
    read: set[str] = field(default_factory=lambda: {"in"})

    def add(self, kind: str, settings: str, bottoms: list[str], top: str) -> None:
        reads = fields("bottom", [f'"{bottom}"' for bottom in bottoms])
        head = f'name: "l{len(self.layers)}" type: "{kind}" {reads} top: "{top}"'
        self.layers.append(f"layer {{ {head} {settings} }}")
        self.read = (self.read | set(bottoms)) - {top}
        if top not in self.blobs:
            self.blobs.append(top)


def random_net(rng: Rng) -> str:
    text = Text()
    for index in range(14):
        new, late = f"b{index}", text.blobs[-4:]
        if rng.random() < 0.2:
            bottoms = [str(blob) for blob in rng.choice(late, 2)]
            text.add(
                "Eltwise",
                f"eltwise_param {{ operation: {one_of(rng, ['SUM', 'MAX'])} }}",
                bottoms,
                new,
            )
            continue
        kind, bottom = one_of(rng, list(ONE)), one_of(rng, late)
        shares = kind in SHARING and rng.random() < 0.4
        names = [f'param {{ name: "{kind}.{i}" }}' for i in range(1 if kind == "PReLU" else 2)]
        settings = ONE[kind] + (" ".join(["", *names]) if shares else "")
        # Of a blob with other readers Caffe makes no layer in place.
        in_place = kind in IN_PLACE and bottom not in text.read and rng.random() < 0.7
        text.add(kind, settings, [bottom], bottom if in_place else new)
    return "\n".join(text.layers)


def holds(seed: int, folder: Path) -> None:
    prototxt = random_net(np.random.default_rng(seed))
    report = bridge.check(*lowered_pair(folder, prototxt))
    assert report.ok, f"{report.located()}\n{prototxt}"
    assert report.rows


@pytest.mark.parametrize("seed", range(20))
def test_a_random_net(seed: int, tmp_path: Path) -> None:
    holds(seed, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(20, 320))
def test_more_random_nets(seed: int, tmp_path: Path) -> None:
    holds(seed, tmp_path)
