"""Layers that read nothing: their tops are constants.

Formulas: parameter_layer.hpp, dummy_data_layer.cpp
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bridge.caffe.net import Layer
from bridge.errors import UnsupportedLayerError
from bridge.lower.emitter import Emitter, Value
from bridge.lower.table import layer


@layer("Parameter", params="parameter_param")
def parameter(e: Emitter, layer: Layer, *, shape: Mapping[str, Sequence[int]]) -> Value:
    """A learned blob of its own    → *s"""
    return e.weight(e.blob(0, [int(size) for size in e.tops[0]]), "value")


@layer("DummyData", params="dummy_data_param")
def dummy_data(
    e: Emitter, layer: Layer, *, data_filler: Sequence[Mapping[str, Any]] = (), **shapes: object
) -> tuple[Value, ...]:
    """A constant for each top, 0 without a filler; a random filler is refused."""
    fillers = list(data_filler) or [{}]
    if len(fillers) == 1:
        fillers = fillers * len(e.tops)
    tops = []
    for shape, filler in zip(e.tops, fillers, strict=True):
        if (kind := filler.get("type", "constant")) != "constant":
            raise UnsupportedLayerError(
                f"its {kind} filler gives other numbers each time", where=layer, expected="constant"
            )
        sizes = tuple(int(size) for size in shape)
        value = np.float32(filler.get("value", 0))
        tops.append(e.computed(sizes, lambda: np.full(sizes, value), "value"))
    return tuple(tops)
