"""Layers that are whole blocks of layers.

Formulas: DenseBlock_layer.cpp of the forks with DenseNet
"""

from __future__ import annotations

from typing import Any

from bridge.caffe.net import Layer
from bridge.lower.emitter import Emitter
from bridge.lower.rules.norm import batch_normalized
from bridge.lower.table import layer
from bridge.lower.values import Value


@layer("DenseBlock", params="denseblock_param")
def dense_block(
    e: Emitter,
    layer: Layer,
    x: Value,
    **settings: Any,
) -> Value:
    """x: n c h w → n (c + growthRate numTransition) h w, the new channels behind x's

    Each transition makes its channels of all before: it normalises, cuts below 0, and convolves by
    3 · 3; with bottlenecks it convolves by 1 · 1 first, normalises and cuts again. Blobs: see the
    shape's.
    """
    count, growth = settings["numTransition"], settings["growthRate"]
    narrowed, inner = settings.get("use_BC", False), 4 * growth
    factor = e.blob((10 if narrowed else 5) * count, (1,))

    def bent(x: Value, i: int, first: int) -> Value:
        size = (x.fixed(1),)
        gamma, beta, mean, var = (e.blob(k * count + i, size) for k in range(first, first + 4))
        return e.Relu(batch_normalized(e, x, gamma, beta, mean, var, factor, 1e-5))

    for i in range(count):
        new = bent(x, i, 1)
        if narrowed:
            narrow = e.weight(e.blob(5 * count + i, (inner, x.fixed(1), 1, 1)), "bottleneck")
            new = bent(e.Conv(new, narrow, kernel_shape=[1, 1]), i, 6)
        kernel = e.weight(e.blob(i, (growth, new.fixed(1), 3, 3)), "weight")
        new = e.Conv(new, kernel, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        x = e.Concat(x, new, axis=1)
    return x
