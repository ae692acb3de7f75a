"""Shapes of activations: all keep their input's."""

from __future__ import annotations

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import LayerShapes, axis_of, parameters, require, shape, text


@shape(
    "AbsVal",
    "BNLL",
    "BReLU",
    "Clip",
    "Dropout",
    "ELU",
    "Exp",
    "GradientScaler",
    "HSigmoid",
    "HSwish",
    "HardSigmoid",
    "HardSwish",
    "Insanity",
    "Log",
    "Mish",
    "NegReLU",
    "Power",
    "RReLU",
    "ReLU",
    "ReLU6",
    "Sigmoid",
    "Swish",
    "TanH",
    "Threshold",
)
def unchanged(_: Layer, x: Shape) -> LayerShapes:
    """x: any shape  ->  the same. Source: src/caffe/layers/neuron_layer.cpp."""
    return LayerShapes((x,))


@shape("CReLU")
def concatenated(layer: Layer, x: Shape) -> LayerShapes:
    """x: any shape  ->  twice as long along one axis. Source: crelu_layer.cpp of the forks."""
    axis = axis_of(layer, parameters(layer, "crelu_param").concat_axis, x)
    return LayerShapes(((*x[:axis], 2 * x[axis], *x[axis + 1 :]),))


@shape("PReLU")
def prelu(layer: Layer, x: Shape) -> LayerShapes:
    """x: n c ...  ->  the same; slopes c, or one. Source: src/caffe/layers/prelu_layer.cpp."""
    require(len(x) >= 2, layer, "PReLU needs 2 axes or more", "n c ...", text(x))
    shared = parameters(layer, "prelu_param").channel_shared
    return LayerShapes((x,), (() if shared else (x[1],),))
