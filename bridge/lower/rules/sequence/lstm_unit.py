"""One step of an LSTM, the unit of Caffe's LSTM layer; few nets use it directly.

Formulas: lstm_unit_layer.cpp
"""

from __future__ import annotations

from bridge.caffe.net import Layer
from bridge.lower.emitter import Emitter
from bridge.lower.table import layer
from bridge.lower.values import Value


@layer("LSTMUnit")
def lstm_unit(
    e: Emitter, layer: Layer, before: Value, gates: Value, cont: Value
) -> tuple[Value, Value]:
    """c = f · cont · c₀ + i · g,  h = o · tanh(c)    c₀: 1 n d, gates: 1 n (i f o g d), cont: 1 n

    The state c and the output h, both 1 n d. Where cont is 0 the state is reset.
    """
    size = before.fixed(2)
    i, f, o, g = e.op("Split", gates, [size] * 4, outputs=4, axis=2)
    goes_on = e.Unsqueeze(cont, [2])
    kept = e.Mul(e.Mul(e.Sigmoid(f), goes_on), before)
    state = e.Add(kept, e.Mul(e.Sigmoid(i), e.Tanh(g)))
    return state, e.Mul(e.Sigmoid(o), e.Tanh(state))
