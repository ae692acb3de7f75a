"""Shape of the LSTM's single step."""

from __future__ import annotations

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import LayerShapes, require, shape, text


@shape("LSTMUnit", bottoms=3, tops=2)
def lstm_unit(layer: Layer, before: Shape, gates: Shape, cont: Shape) -> LayerShapes:
    """c₀: 1 n d, gates: 1 n (4 d), cont: 1 n  ->  1 n d, 1 n d.

    Source: src/caffe/layers/lstm_unit_layer.cpp.
    """
    fits = len(before) == len(gates) == 3 and before[0] == 1
    require(fits, layer, "its state needs 3 axes", "1 n d", text(before))
    wanted = (1, before[1], 4 * before[2])
    require(gates == wanted, layer, "the gates do not fit the state", text(wanted), text(gates))
    require(cont == before[:2], layer, "cont does not fit", text(before[:2]), text(cont))
    return LayerShapes((before, before), ())
