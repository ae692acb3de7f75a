"""Nodes to draw from: functions of one number, and what goes along an axis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from onnx import TensorProto

from tests.helpers.node_strategies import Draw, Drawn, Tensor, image, row, shapes, tensor


@row("Abs", "Neg", "Sign", "Ceil", "Floor", "Round", "Exp", "Erf", "Cos", "Sin", "Identity")
@row("Relu", "LeakyRelu", "Elu", "Sigmoid", "Tanh", "Softplus", "Softsign")
@st.composite
def pointwise(draw: Draw, operator: str) -> Drawn:
    attributes = {}
    if operator in ("Elu", "LeakyRelu"):
        attributes = draw(st.sampled_from([{}, {"alpha": 0.5}, {"alpha": -0.5}]))
    return Drawn((operator,), (draw(image(draw(shapes(1, 5)))),), attributes)


@row("Log", "Reciprocal", "Sqrt")
@st.composite
def pointwise_above_zero(draw: Draw, operator: str) -> Drawn:
    return Drawn((operator,), (draw(tensor(draw(shapes(1, 5)), 0.5)),))


@row("Cast")
@st.composite
def cast(draw: Draw, operator: str) -> Drawn:
    to = draw(st.sampled_from(["FLOAT", "INT32", "INT64", "BOOL"]))
    x = draw(tensor(draw(shapes(1, 5))))
    if draw(st.booleans()):
        x = replace(x, values=x.values.astype(np.int32))
    return Drawn((operator,), (x,), {"to": TensorProto.DataType.Value(to)})


@row("Dropout")
@st.composite
def dropout(draw: Draw, operator: str) -> Drawn:
    x = draw(tensor(draw(shapes(1, 5))))
    ratio = np.float32(0.3)
    operands, opset = draw(st.sampled_from([((x,), 17), ((x, ratio), 17), ((x,), 11)]))
    return Drawn((operator,), operands, {"ratio": 0.3} if opset < 12 else {}, opset=opset)


@row("Softmax", since=13)
@st.composite
def softmax(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 5))
    attributes = draw(
        st.sampled_from([{"axis": draw(st.integers(-len(shape), len(shape) - 1))}, {}])
    )
    x = draw(image(shape))
    # A free axis that turns out to have size 1 is one more that Keras warns of when it runs.
    if x.values.shape[attributes.get("axis", -1)] == 1:
        x = Tensor(x.values)
    return Drawn((operator,), (x,), attributes)


@row("Softmax")
@st.composite
def softmax_flattened(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(2, 4))
    attributes = {"axis": draw(st.sampled_from([-1, len(shape) - 1]))}
    return Drawn((operator,), (draw(tensor(shape)),), attributes, opset=11)


@row("ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum")
@row("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare")
@st.composite
def reduction(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 5))
    x = draw(tensor(shape, 0.5 if operator == "ReduceLogSum" else -2))
    chosen = sorted(draw(st.sets(st.integers(0, len(shape) - 1), min_size=1)))
    chosen = [axis - draw(st.sampled_from([0, len(shape)])) for axis in chosen]
    attributes = draw(st.sampled_from([{}, {"keepdims": 0}, {"keepdims": 1}]))
    form = draw(st.sampled_from(["none", "attribute", "input"]))
    if form == "none":
        return Drawn((operator,), (x,), attributes)
    if form == "input":
        return Drawn((operator,), (x, np.array(chosen, np.int64)), attributes, opset=18)
    return Drawn((operator,), (x,), {**attributes, "axes": chosen}, opset=11)
