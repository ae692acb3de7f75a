"""Layers without inputs: their tops are constants.

Formulas: parameter_layer.hpp, dummy_data_layer.cpp; continuation_indicator_layer.cpp of the forks
for captions and OCR
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bridge.caffe.net import Layer, Shape
from bridge.lower.emitter import Emitter
from bridge.lower.table import layer
from bridge.lower.values import Value


@layer("Parameter", params="parameter_param")
def parameter(e: Emitter, layer: Layer, *, shape: Mapping[str, Sequence[int]]) -> Value:
    """The layer's own learned blob    → *s"""
    return e.weight(e.blob(0, [int(size) for size in e.tops[0]]), "value")


@layer("DummyData", params="dummy_data_param")
def dummy_data(
    e: Emitter, layer: Layer, *, data_filler: Sequence[Mapping[str, Any]] = (), **shapes: object
) -> tuple[Value, ...]:
    """A constant for each top, 0 without a filler; a random one is an input of the net instead."""
    fillers = list(data_filler) or [{}]
    if len(fillers) == 1:
        fillers = fillers * len(e.tops)
    return tuple(
        _filled(e, tuple(map(int, shape)), np.float32(filler.get("value", 0)))
        for shape, filler in zip(e.tops, fillers, strict=True)
    )


def _filled(e: Emitter, shape: Shape, value: np.float32) -> Value:
    return e.constant(np.full(shape, value), "value")


@layer("ContinuationIndicator", params="continuation_indicator_param")
def continuation_indicator(
    e: Emitter, layer: Layer, x: Value | None = None, *, time_step: int = 0, **batch: object
) -> Value:
    """→ t n: whether a stream continues, 0 at the first step and 1 after that

    n is the batch of x, or the layer's batch_size.
    """
    continues = np.ones((time_step, e.top_size(1)), np.float32)
    continues[:1] = 0
    return e.constant(continues, "value")
