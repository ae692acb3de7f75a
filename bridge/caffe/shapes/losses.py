"""Shapes of losses and of accuracy.

A deployed net drops these layers and the labels, so their inputs are not checked.
"""

from __future__ import annotations

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import SOME, LayerShapes, axis_of, parameters, shape


@shape(
    "ContrastiveLoss",
    "EuclideanLoss",
    "HingeLoss",
    "InfogainLoss",
    "MultinomialLogisticLoss",
    "SigmoidCrossEntropyLoss",
    "SoftmaxWithLoss",
    bottoms=SOME,
    tops=(0, 2),
)
def loss(layer: Layer, x: Shape, *_: Shape) -> LayerShapes:
    """x: scores, and labels  ->  one number, and for some losses the probabilities, shaped like x.

    Source: src/caffe/layers/loss_layer.cpp.
    """
    return LayerShapes(((), x)[: len(layer.tops)])


@shape("Accuracy", bottoms=2, tops=(1, 2))
def accuracy(layer: Layer, x: Shape, _: Shape) -> LayerShapes:
    """x: n c ..., labels: n ...  ->  one number, and a second top c of each class's accuracy.

    Source: src/caffe/layers/accuracy_layer.cpp.
    """
    axis = axis_of(layer, parameters(layer, "accuracy_param").axis, x)
    return LayerShapes(((), (x[axis],))[: len(layer.tops)])
