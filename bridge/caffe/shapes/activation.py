"""Shapes of BVLC's activations: all keep their input's."""

from __future__ import annotations

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import LayerShapes, shape


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
