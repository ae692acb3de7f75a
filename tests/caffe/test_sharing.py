"""Nets whose blobs share memory: what Caffe computes, and NumPy where arrays share theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import bridge
from bridge.caffe import Net
from bridge.caffe.sharing import OVERWRITTEN
from tests.helpers.golden_cases import assert_close
from tests.helpers.keras_against_onnx import in_onnxruntime

Array = NDArray[Any]
ReadText = Callable[..., Net]
INPUT = 'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 6 dim: 2 } } }'


def layer(name: str, type_: str, bottom: str, top: str, more: str = "") -> str:
    ends = "".join(f' bottom: "{b}"' for b in bottom.split())
    ends += "".join(f' top: "{t}"' for t in top.split())
    return f'layer {{ name: "{name}" type: "{type_}"{ends} {more} }}\n'


VIEW = layer("v", "Flatten", "x", "f")
RELU = layer("r", "ReLU", "f", "f")


def wires(net: Net) -> list[tuple[str, str, str]]:
    return [(layer.name, " ".join(layer.bottoms), " ".join(layer.tops)) for layer in net.layers]


def test_what_is_read_later_is_what_was_written_in_place(read_text: ReadText) -> None:
    net = read_text(INPUT + VIEW + RELU + layer("p", "Power", "x", "o"))
    assert wires(net) == [
        ("v", "x", "f:v"),
        ("r", "f:v", "f"),
        ("r:x", "x f", "x:r:x"),
        ("p", "x:r:x", "o"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        VIEW + RELU,  # nobody reads the other blob later
        VIEW + layer("p", "Power", "x", "o") + RELU,  # it is read before
        layer("v", "Split", "x", "a b")
        + layer("d", "Dropout", "a", "a")  # which changes nothing
        + layer("e", "Eltwise", "a b", "o"),
        layer("v", "Concat", "x x", "f") + RELU + layer("p", "Power", "x", "o"),  # two copies
        layer("r", "ReLU", "x", "x") + VIEW,  # a view of what was written
    ],
)
def test_nothing_is_done_where_no_memory_is_shared(read_text: ReadText, text: str) -> None:
    assert all(":" not in item.name for item in read_text(INPUT + text).layers)


@dataclass
class Drawn:
    """A net that is drawn layer by layer, and what NumPy makes of it in shared memory."""

    random: Random
    arrays: dict[str, Array]
    text: str = INPUT
    unread: set[str] = field(default_factory=lambda: {"x"})
    count: int = 0

    def grow(self) -> None:
        self.count += 1
        self.random.choice((self.view, self.view, self.in_place, self.in_place, self.new))()

    def add(self, type_: str, bottoms: str, tops: str, more: str = "") -> None:
        self.text += layer(f"l{self.count}", type_, bottoms, tops, more)
        self.unread -= {*bottoms.split()}
        self.unread |= {*tops.split()}

    def view(self) -> None:
        bottom, tops = self.random.choice(sorted(self.arrays)), [f"b{self.count}"]
        x = self.arrays[bottom]
        kind = self.random.choice(["Split", "Flatten", "Reshape", "Concat", "Slice"])
        more, shape = "", x.shape
        if kind == "Split":
            tops.append(f"c{self.count}")
        elif kind == "Reshape":
            shape = (len(x), 3, x.size // len(x) // 3)
            more = "reshape_param { shape { dim: 0 dim: 3 dim: -1 } }"
        elif kind == "Flatten":
            shape = (len(x), x.size // len(x))
        self.add(kind, bottom, " ".join(tops), more)
        self.arrays.update({top: x.reshape(shape) for top in tops})

    def in_place(self) -> None:
        if not self.unread:
            return
        blob = self.random.choice(sorted(self.unread))
        x = self.arrays[blob]
        if self.random.random() < 0.5:
            self.add("ReLU", blob, blob)
            x[...] = np.maximum(x, 0)
        else:
            self.add("Power", blob, blob, "power_param { scale: -1 shift: 0.5 }")
            x[...] = 0.5 - x

    def new(self) -> None:
        one = self.random.choice(sorted(self.arrays))
        fits = [b for b, a in self.arrays.items() if a.shape == self.arrays[one].shape and b != one]
        top = f"b{self.count}"
        if fits:
            other = self.random.choice(fits)
            self.add("Eltwise", f"{one} {other}", top)
            self.arrays[top] = self.arrays[one] + self.arrays[other]
        else:
            self.add("AbsVal", one, top)
            self.arrays[top] = np.abs(self.arrays[one])


def drawn(seed: int, x: Array) -> Drawn:
    net = Drawn(Random(seed), {"x": x.copy()})
    for _ in range(10):
        net.grow()
    return net


def computed(text: str, feeds: Mapping[str, Array], folder: Path) -> Mapping[str, Array]:
    (folder / "net.prototxt").write_text(text, encoding="utf-8")
    done = bridge.caffe_to_onnx(folder / "net.prototxt", check=False)
    return in_onnxruntime(done.proto, feeds)


@pytest.mark.parametrize("seed", range(60))
def test_random_nets_give_what_shared_arrays_give(seed: int, tmp_path: Path) -> None:
    x = np.random.default_rng(seed).uniform(-1, 1, (2, 6, 2)).astype(np.float32)
    net = drawn(seed, x)
    results = computed(net.text, {"x": x}, tmp_path)
    assert results
    for name, result in results.items():
        blob = name.partition(":")[0]
        assert_close(result, net.arrays[blob], f"{name}\n{net.text}")


def test_many_of_the_drawn_nets_depend_on_shared_memory(read_text: ReadText) -> None:
    x = np.zeros((2, 6, 2), np.float32)
    nets = [read_text(drawn(seed, x).text) for seed in range(60)]
    assert sum(any(layer.type == OVERWRITTEN for layer in net.layers) for net in nets) > 20
