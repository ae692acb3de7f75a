"""Shapes of BVLC's activations: all keep their input's."""

from __future__ import annotations

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import LayerShapes, parameters, require, shape, text


@shape(
    "AbsVal",
    "BNLL",
    "Clip",
    "Dropout",
    "ELU",
    "Exp",
    "Log",
    "Power",
    "ReLU",
    "Sigmoid",
    "Swish",
    "TanH",
    "Threshold",
)
def unchanged(_: Layer, x: Shape) -> LayerShapes:
    """x: any shape  ->  the same. Source: src/caffe/layers/neuron_layer.cpp."""
    return LayerShapes((x,))


@shape("PReLU")
def prelu(layer: Layer, x: Shape) -> LayerShapes:
    """x: n c ...  ->  the same; slopes c, or one. Source: src/caffe/layers/prelu_layer.cpp."""
    require(len(x) >= 2, layer, "PReLU needs 2 axes or more", "n c ...", text(x))
    shared = parameters(layer, "prelu_param").channel_shared
    return LayerShapes((x,), (() if shared else (x[1],),))
