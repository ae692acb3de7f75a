"""Nodes to draw from: functions of one number, and of several, that are met less often."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.drawn.merging import merged
from tests.helpers.node_strategies import Draw, Drawn, Tensor, row, shapes, tensor, values

PARAMETERS: dict[str, list[dict[str, Any]]] = {
    "Celu": [{}, {"alpha": 0.5}],
    "Gelu": [{}, {"approximate": "tanh"}],
    "HardSigmoid": [{}, {"alpha": 1 / 6}, {"alpha": 0.3, "beta": 0.4}],
    "Selu": [{}, {"alpha": 2.0, "gamma": 0.5}],
    "ThresholdedRelu": [{}, {"alpha": 0.5}],
}


@row("Asinh", "Atan", "Celu", "Cosh", "Gelu", "HardSigmoid", "HardSwish", "Mish")
@row("Selu", "Sinh", "Tan", "ThresholdedRelu")
@st.composite
def of_any_number(draw: Draw, operator: str) -> Drawn:
    x = draw(tensor(draw(shapes(1, 5)), -1.4, 1.4))
    attributes = draw(st.sampled_from(PARAMETERS.get(operator, [{}])))
    opset = {"Gelu": 20, "Mish": 18}.get(operator, 17)
    return Drawn((operator,), (x,), attributes, opset=opset)


@row("Acos", "Asin", "Atanh")
@st.composite
def within_one(draw: Draw, operator: str) -> Drawn:
    return Drawn((operator,), (draw(tensor(draw(shapes(1, 4)), -0.9, 0.9)),))


@row("Acosh")
@st.composite
def above_one(draw: Draw, operator: str) -> Drawn:
    return Drawn((operator,), (draw(tensor(draw(shapes(1, 4)), 1, 3)),))


@row("IsInf", "IsNaN")
@st.composite
def not_a_number(draw: Draw, operator: str) -> Drawn:
    x = draw(values(draw(shapes(1, 4))))
    odd = {"IsNaN": (np.nan, np.nan), "IsInf": (np.inf, -np.inf)}[operator]
    x = np.where(x > 1, odd[0], np.where(x < -1, odd[1], x)).astype(np.float32)
    options = [{}, {"detect_negative": 0}, {"detect_positive": 0}]
    attributes = draw(st.sampled_from(options)) if operator == "IsInf" else {}
    return Drawn((operator,), (Tensor(x),), attributes, opset=20)


@row("LogSoftmax", since=13)
@st.composite
def log_softmax(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 4))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    return Drawn((operator,), (draw(tensor(shape)),), {"axis": axis})


@row("Mean")
@st.composite
def mean(draw: Draw, operator: str) -> Drawn:
    return Drawn((operator,), draw(merged(1, 3)))
