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
    """x: n c h w → n (c + growthRate numTransition) h w, the new channels after x's

    Each transition computes its channels from all earlier ones: BatchNorm, ReLU and a 3x3
    convolution; with bottlenecks, before it a 1x1 convolution, BatchNorm and ReLU. Blobs: see the
    shape rule.
    """
    count, growth = settings["numTransition"], settings["growthRate"]
    has_bottlenecks, inner = settings.get("use_BC", False), 4 * growth
    factor = e.blob((10 if has_bottlenecks else 5) * count, (1,))

    def normalized(x: Value, i: int, first: int) -> Value:
        size = (x.fixed(1),)
        gamma, beta, mean, var = (e.blob(k * count + i, size) for k in range(first, first + 4))
        return e.Relu(batch_normalized(e, x, gamma, beta, mean, var, factor, 1e-5))

    for i in range(count):
        new = normalized(x, i, 1)
        if has_bottlenecks:
            narrow = e.weight(e.blob(5 * count + i, (inner, x.fixed(1), 1, 1)), "bottleneck")
            new = normalized(e.Conv(new, narrow, kernel_shape=[1, 1]), i, 6)
        kernel = e.weight(e.blob(i, (growth, new.fixed(1), 3, 3)), "weight")
        new = e.Conv(new, kernel, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        x = e.Concat(x, new, axis=1)
    return x
