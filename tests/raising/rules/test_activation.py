"""Parameters that Keras's layers do not take, and ONNX and Caffe do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import strategies as st
from onnx import TensorProto

import bridge
from bridge.errors import UnsupportedOperatorError
from bridge.layout import Layout
from tests.helpers.golden_cases import assert_close
from tests.helpers.keras_against_onnx import graph, plan_of, raise_and_compare, seeded
from tests.helpers.strategies.nodes import (
    Draw,
    NodeExample,
    Tensor,
    image,
    map_values,
    nodes_of,
    shapes,
    tensor,
    values,
)


@nodes_of("Abs", "Neg", "Sign", "Ceil", "Floor", "Round", "Exp", "Erf", "Cos", "Sin")
@nodes_of("Relu", "LeakyRelu", "Elu", "Sigmoid", "Tanh", "Softplus", "Softsign")
@st.composite
def pointwise(draw: Draw, operator: str) -> NodeExample:
    attributes = {}
    if operator in ("Elu", "LeakyRelu"):
        attributes = draw(st.sampled_from([{}, {"alpha": 0.5}, {"alpha": -0.5}]))
    return NodeExample((operator,), (draw(image(draw(shapes(1, 5)))),), attributes)


@nodes_of("Log", "Reciprocal", "Sqrt")
@st.composite
def pointwise_above_zero(draw: Draw, operator: str) -> NodeExample:
    return NodeExample((operator,), (draw(tensor(draw(shapes(1, 5)), 0.5)),))


PARAMETERS: dict[str, list[dict[str, Any]]] = {
    "Celu": [{}, {"alpha": 0.5}],
    "Gelu": [{}, {"approximate": "tanh"}],
    "HardSigmoid": [{}, {"alpha": 1 / 6}, {"alpha": 0.3, "beta": 0.4}],
    "Selu": [{}, {"alpha": 2.0, "gamma": 0.5}],
    "Swish": [{}, {"alpha": 0.5}],
    "Shrink": [{}, {"bias": 0.5}, {"bias": 0.2, "lambd": 0.7}, {"bias": 0.5, "lambd": -0.5}],
    "ThresholdedRelu": [{}, {"alpha": 0.5}],
}


@nodes_of("Asinh", "Atan", "Celu", "Cosh", "Gelu", "HardSigmoid", "HardSwish", "Mish")
@nodes_of("Selu", "Shrink", "Sinh", "Swish", "Tan", "ThresholdedRelu")
@st.composite
def of_any_number(draw: Draw, operator: str) -> NodeExample:
    x = draw(tensor(draw(shapes(1, 5)), -1.4, 1.4))
    attributes = draw(st.sampled_from(PARAMETERS.get(operator, [{}])))
    opset = {"Gelu": 20, "Mish": 18, "Swish": 24}.get(operator, 17)
    return NodeExample((operator,), (x,), attributes, opset=opset)


@nodes_of("Acos", "Asin", "Atanh")
@st.composite
def within_one(draw: Draw, operator: str) -> NodeExample:
    return NodeExample((operator,), (draw(tensor(draw(shapes(1, 4)), -0.9, 0.9)),))


@nodes_of("Acosh")
@st.composite
def above_one(draw: Draw, operator: str) -> NodeExample:
    return NodeExample((operator,), (draw(tensor(draw(shapes(1, 4)), 1, 3)),))


@nodes_of("IsInf", "IsNaN")
@st.composite
def not_a_number(draw: Draw, operator: str) -> NodeExample:
    x = draw(values(draw(shapes(1, 4))))
    odd = {"IsNaN": (np.nan, np.nan), "IsInf": (np.inf, -np.inf)}[operator]
    x = np.where(x > 1, odd[0], np.where(x < -1, odd[1], x)).astype(np.float32)
    options = [{}, {"detect_negative": 0}, {"detect_positive": 0}]
    attributes = draw(st.sampled_from(options)) if operator == "IsInf" else {}
    return NodeExample((operator,), (Tensor(x),), attributes, opset=20)


@nodes_of("BitwiseNot")
@st.composite
def bits(draw: Draw, operator: str) -> NodeExample:
    x = draw(tensor(draw(shapes(1, 4)), -99, 99))
    dtype = draw(st.sampled_from([np.int32, np.int64, np.uint8, np.int8]))
    return NodeExample((operator,), (map_values(x, lambda a: a.astype(dtype)),), opset=18)


@nodes_of("BitCast", since=26)
@st.composite
def bit_cast(draw: Draw, operator: str) -> NodeExample:
    x = draw(tensor(draw(shapes(1, 4)), -99, 99))
    return NodeExample((operator,), (x,), {"to": 6}, opset=26)


@nodes_of("Not")
@st.composite
def negation(draw: Draw, operator: str) -> NodeExample:
    return NodeExample((operator,), (Tensor(draw(values(draw(shapes(1, 4)))) > 0),))


@nodes_of("Cast")
@st.composite
def cast(draw: Draw, operator: str) -> NodeExample:
    to = draw(st.sampled_from(["FLOAT", "INT32", "INT64", "BOOL"]))
    x = draw(tensor(draw(shapes(1, 5))))
    if draw(st.booleans()):
        x = replace(x, values=x.values.astype(np.int32))
    return NodeExample((operator,), (x,), {"to": TensorProto.DataType.Value(to)})


@nodes_of("CastLike")
@st.composite
def cast_like(draw: Draw, operator: str) -> NodeExample:
    x = draw(tensor(draw(shapes(1, 5))))
    like = np.zeros(2, draw(st.sampled_from([np.float32, np.int32, np.int64])))
    return NodeExample((operator,), (x, draw(st.sampled_from([like, Tensor(like)]))))


@nodes_of("Clip", since=11)
@st.composite
def clip(draw: Draw, operator: str) -> NodeExample:
    low, high = draw(ends())
    bounds = [None if bound is None else np.float32(bound) for bound in (low, high)]
    while bounds and bounds[-1] is None:
        bounds.pop()
    return NodeExample((operator,), (draw(tensor(draw(shapes(1, 5)))), *bounds))


def ends() -> st.SearchStrategy[tuple[float | None, float | None]]:
    return st.tuples(st.sampled_from([None, 0.0, -0.5]), st.sampled_from([None, 1.0, 0.25]))


@nodes_of("Dropout", since=10)
@st.composite
def dropout(draw: Draw, operator: str) -> NodeExample:
    x, outputs = draw(tensor(draw(shapes(1, 5)))), draw(st.integers(1, 2))
    ratio, zero = np.float32(0.3), np.float32(0)
    operands: list[tuple[Any, ...]] = [(x,), (x, ratio), (x, ratio, np.bool_(False))]
    operands += [(x, zero, np.bool_(True)), (x, Tensor(np.array(ratio)), np.bool_(False))]
    return NodeExample((operator,), draw(st.sampled_from(operands)), outputs=outputs)


@nodes_of("Dropout")
@st.composite
def dropout_with_a_numeric_mask(draw: Draw, operator: str) -> NodeExample:
    x = draw(tensor(draw(shapes(1, 5))))
    return NodeExample((operator,), (x,), {"ratio": 0.3}, opset=9)


@nodes_of("Hardmax", since=13)
@st.composite
def hardmax(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 4))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    batch = None if axis in (0, -len(shape)) else 0
    return NodeExample((operator,), (draw(tensor(shape, batch=batch)),), {"axis": axis})


@nodes_of("Softmax", since=13)
@st.composite
def softmax(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 5))
    attributes = draw(
        st.sampled_from([{"axis": draw(st.integers(-len(shape), len(shape) - 1))}, {}])
    )
    x = draw(image(shape))
    # Of a free axis that turns out to have size 1 Keras warns too, when it runs.
    if x.values.shape[attributes.get("axis", -1)] == 1:
        x = Tensor(x.values)
    return NodeExample((operator,), (x,), attributes)


@nodes_of("Softmax")
@st.composite
def softmax_flattened(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(2, 4))
    attributes = {"axis": draw(st.sampled_from([-1, len(shape) - 1]))}
    return NodeExample((operator,), (draw(tensor(shape)),), attributes, opset=11)


@nodes_of("LogSoftmax", since=13)
@st.composite
def log_softmax(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 4))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    return NodeExample((operator,), (draw(tensor(shape)),), {"axis": axis})


# Examples


SHAPE = (2, 3, 4, 4)


@pytest.mark.parametrize(
    "node",
    [
        "LeakyRelu<alpha=-0.5>(x)",
        "LeakyRelu<alpha=0.0>(x)",
        "Elu<alpha=-0.7>(x)",
        "Celu<alpha=-0.7>(x)",
        "ThresholdedRelu<alpha=-0.7>(x)",
        "HardSigmoid<alpha=-0.2,beta=0.5>(x)",
        "Dropout<ratio=1.0>(x)",
        "LRN<size=3,alpha=1.0,beta=2.0,bias=-3.0>(x)",
        "Clip<min=0.0,max=0.0>(x)",
    ],
)
def test_they_are_computed_as_onnx_says(node: str) -> None:
    opset = 10 if node.startswith(("Clip", "Dropout")) else 17  # those with their attributes
    model = graph(f"g (float[2,3,4,4] x) => (float[2,3,4,4] y) {{ y = {node} }}", opset=opset)
    raise_and_compare(model, {"x": 4 * seeded(SHAPE)})


@pytest.mark.parametrize(
    ("kind", "ends"),
    [
        *[("float", ends) for ends in ((0, -1), (2, 1), (-1, -0.5), (0, np.inf), (-np.inf, 0))],
        *[("int64", ends) for ends in ((0, -1), (2, 1), (-2, 1), (0, 1))],
    ],
)
def test_a_clip_whose_ends_are_crossed_gives_the_upper_one(
    kind: str, ends: tuple[float, float]
) -> None:
    dtype = {"float": np.float32, "int64": np.int64}[kind]
    low, high = (np.array(end, dtype) for end in ends)
    model = graph(
        f"g ({kind}[2,3,4,4] x) => ({kind}[2,3,4,4] y) {{ y = Clip(x, low, high) }}",
        {"low": low, "high": high},
    )
    raise_and_compare(model, {"x": (4 * seeded(SHAPE)).astype(dtype)})


def test_a_shrink_of_integers_is_refused() -> None:
    model = graph("g (int32[2,3] x) => (int32[2,3] y) { y = Shrink(x) }")
    with pytest.raises(UnsupportedOperatorError, match="Shrink of integers"):
        plan_of(model)


@pytest.mark.parametrize("ratio", [-0.5, 2.0])
def test_a_dropout_of_no_share_is_refused(ratio: float) -> None:
    model = graph(
        f"g (float[2,3] x) => (float[2,3] y) {{ y = Dropout<ratio={ratio}>(x) }}", opset=10
    )
    with pytest.raises(UnsupportedOperatorError, match="an impossible dropout ratio"):
        plan_of(model)


def test_a_dropout_that_drops_is_refused() -> None:
    text = "g (float[2,3] x) => (float[2,3] y) { y = Dropout(x, ratio, training) }"
    constants = {"ratio": np.float32(0.5), "training": np.bool_(True)}
    with pytest.raises(UnsupportedOperatorError, match="training mode, whose results are random"):
        plan_of(graph(text, constants))


def test_caffes_relu_with_a_slope_below_0_is_a_keras_file(tmp_path: Path) -> None:
    text = """
    layer { name: "data" type: "Input" top: "data" input_param { shape {
            dim: 1 dim: 3 dim: 4 dim: 4 } } }
    layer { name: "r" type: "ReLU" bottom: "data" top: "r" relu_param { negative_slope: -0.25 } }"""
    (tmp_path / "net.prototxt").write_text(text, encoding="utf-8")
    bridge.caffe_to_keras(tmp_path / "net.prototxt", output=tmp_path / "net.keras")
    model = keras.models.load_model(tmp_path / "net.keras", safe_mode=True)
    x = seeded((1, 4, 4, 3))
    assert_close(np.asarray(model(x)), np.where(x > 0, x, -0.25 * x), "r")


def test_the_softmax_of_a_vector_stored_on_two_axes() -> None:
    text = "g (float[4] x) => (float[4] y) { y = Softmax<axis=0>(x) }"
    split = Layout(((2, 2),), ((0,), (1,)))
    raise_and_compare(graph(text), {"x": seeded((4,))}, layouts={"x": split})


@pytest.mark.parametrize("axis", range(6))
def test_softmax_over_more_axes_than_tensorflow_takes(axis: int) -> None:
    shape = (2, 3, 2, 4, 3, 2)
    sizes = ",".join(map(str, shape))
    text = f"net (float[{sizes}] x) => (float[{sizes}] y) {{ y = Softmax<axis={axis}>(x) }}"
    raise_and_compare(graph(text), {"x": seeded(shape)})


def test_softmax_over_six_axes_of_a_free_batch() -> None:
    text = "net (float[N,3,2,4,3,2] x) => (float[N,3,2,4,3,2] y) { y = Softmax<axis=2>(x) }"
    raise_and_compare(graph(text), {"x": seeded((2, 3, 2, 4, 3, 2))})


def test_concatenated_channels_that_share_an_axis_with_a_free_batch() -> None:
    part = Layout.concatenated([Layout.identity((2,)), Layout(((2, 2),), ((1, 0),))])
    shared = Layout((("n",), (1,), part.atoms), ((1,), (0, 2)))
    text = "g (float[n,1,6] x) => (float[n,1,6] y) { y = Abs(x) }"
    raise_and_compare(graph(text), {"x": seeded((2, 1, 6))}, layouts={"x": shared})
