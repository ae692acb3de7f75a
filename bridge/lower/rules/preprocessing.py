"""The layer for preprocessing images that no Caffe has: subtracting a mean image.

The other layers for it, for the channel order and the scale, are Caffe's own.
"""

from __future__ import annotations

from bridge.caffe.net import Layer
from bridge.caffe.preprocessing import SUBTRACT_MEAN
from bridge.lower.emitter import Emitter
from bridge.lower.table import layer
from bridge.lower.values import Value


@layer(SUBTRACT_MEAN)
def subtract_mean(e: Emitter, layer: Layer, x: Value) -> Value:
    """x - mean    x: n c h w    mean: c, or c h w"""
    mean = layer.blobs[0].shape
    return e.Sub(x, e.weight(e.blob(0, mean if len(mean) == 3 else (*mean, 1, 1)), "mean"))
