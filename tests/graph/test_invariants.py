from __future__ import annotations

import onnx
import pytest

from bridge import ir
from bridge.errors import GraphError, UnsupportedError
from bridge.graph.invariants import check
from bridge.graph.io import to_ir
from bridge.lower import LoweredModel


def graph(text: str) -> ir.Model:
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\n{text}')
    return ir.from_proto(model)


def test_a_lowered_net_holds_them_all(lowered: LoweredModel) -> None:
    check(to_ir(lowered))


@pytest.mark.parametrize(
    ("inputs", "output", "problem"),
    [
        ("float[1,5,8,8] x, float[4,3,2,2] w", "Conv(x, w)", "input's channels"),
        ("float[1,3,8,8] x, float[4,3,2,2] w, float[5] b", "Conv(x, w, b)", "bias"),
        ("float[1,5,8,8] x, float[4,3,2,2] w", "ConvTranspose(x, w)", "input's channels"),
        (
            "float[1,4,8,8] x, float[4,3,2,2] w, float[4] b",
            "ConvTranspose<group=2>(x, w, b)",
            "bias",
        ),
        ("float[1,5] x, float[4,3] w", "Gemm<transB=1>(x, w)", "factors"),
        ("float[1,5,2] x, float[5] a, float[4] b", "BatchNormalization(x, a, a, b, a)", "mean"),
    ],
)
def test_channels_that_disagree(inputs: str, output: str, problem: str) -> None:
    with pytest.raises(GraphError, match=problem):
        check(graph(f"g ({inputs}) => (float[1] y) {{ y = {output} }}"))


def test_symbolic_channels_are_given_the_benefit_of_the_doubt() -> None:
    check(graph("g (float[1,c,8,8] x, float[4,3,2,2] w) => (float[1,4,7,7] y) { y = Conv(x, w) }"))


def test_a_value_without_a_shape() -> None:
    with pytest.raises(GraphError, match="type of 'a' is not known"):
        check(graph("g (float[2] x) => (float[2] y) { a = Relu(x) y = Relu(a) }"))


def test_a_name_that_two_values_have() -> None:
    model = graph("g (float[2] x) => (float[2] y) <float[2] a> { a = Relu(x) y = Relu(a) }")
    model.graph[0].outputs[0].name = "x"
    with pytest.raises(GraphError, match="two values are called 'x'"):
        check(model)


def test_a_value_that_is_read_too_early() -> None:
    text = "g (float[2] x) => (float[2] y) <float[2] a> { a = Relu(x) y = Relu(a) }"
    model = graph(text)
    first, second = model.graph
    model.graph.remove(first)
    model.graph.insert_after(second, first)
    with pytest.raises(GraphError, match="it reads 'a' before it is computed"):
        check(model)


def test_an_output_that_nothing_makes() -> None:
    model = graph("g (float[2] x) => (float[2] y) { y = Relu(x) }")
    model.graph.remove(model.graph[0])
    with pytest.raises(GraphError, match="no node computes the output 'y'"):
        check(model)


def test_foreign_operators_are_left_for_the_raise_to_refuse() -> None:
    model = onnx.parser.parse_model("""
        <ir_version: 8, opset_import: ["" : 17, "own" : 1]>
        g (float[2] x) => (float[2] y) { a = own.Op(x) y = Relu(a) }""")
    check(ir.from_proto(model))


def test_texts_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="'x' is a text"):
        check(graph("g (string[2] x) => (string[2] y) { y = Identity(x) }"))
