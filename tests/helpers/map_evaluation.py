"""The translation map in other hands: its texts read by nothing but numpy."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.caffe import Net
from bridge.translation import MappedWeight, Source

Array = NDArray[Any]


def evaluated(weight: MappedWeight, net: Net, constants: Mapping[str, Array]) -> Array:
    """The weight's expression, run over the net's blobs; `constants` are the graph's own."""

    def array_of(source: Source) -> Array:
        if source.layer is None or source.blob is None:
            return constants[source.initializer]
        (layer,) = (x for x in net.layers if x.name == source.layer and x.blobs)
        return layer.blobs[source.blob].array()

    return _evaluated(weight, array_of)


def expression_of(weight: MappedWeight, constants: Mapping[str, Array]) -> Array:
    """The same of a weight of a graph."""
    return _evaluated(weight, lambda source: constants[source.initializer])


def _evaluated(weight: MappedWeight, array_of: Callable[[Source], Array]) -> Array:
    names: dict[str, Any] = {"np": np, "blobs": {}}
    for source in weight.sources:
        array = array_of(source)
        assert array.shape == source.shape
        names[source.variable] = names["blobs"][source.blob] = array
    assert weight.expression is not None
    result: Array = eval(weight.expression, names)
    assert result.shape == weight.shape
    return result


def rearranged(x: Array, text: str, sizes: Mapping[str, int]) -> Array:
    """`einops.rearrange(x, text, **sizes)`."""
    tensor, store = (_groups(side) for side in text.split("->"))
    known = dict(sizes)
    for group, size in zip(tensor, x.shape, strict=True):
        free = [letter for letter in group if letter not in known]
        assert len(free) <= 1, f"{text} leaves {free} open"
        known |= dict.fromkeys(free, size // prod(known.get(letter, 1) for letter in group))
    letters = [letter for group in tensor for letter in group]
    order = [letters.index(letter) for group in store for letter in group]
    atoms = x.reshape([known[letter] for letter in letters]).transpose(order)
    return atoms.reshape([prod(known[letter] for letter in group) for group in store])


def _groups(side: str) -> list[list[str]]:
    """`n (c h w)` as [[n], [c, h, w]]; 1 is an axis without letters."""
    groups = re.findall(r"\(([^)]*)\)|(\S+)", side)
    return [[letter for letter in (one + many).split() if letter != "1"] for many, one in groups]
