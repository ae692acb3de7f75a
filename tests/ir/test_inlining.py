"""Functions, put in where they are called."""

from __future__ import annotations

import onnx
import pytest

from bridge import ir


def model(calls: str, functions: str) -> ir.Model:
    header = '<ir_version: 10, opset_import: ["" : 17, "own" : 1]>'
    text = f"{header}\ng (float[2] x, bool c) => (float[2] y) {{ {calls} }}\n{functions}"
    return ir.from_proto(onnx.parser.parse_model(text))


def function(name: str, body: str, signature: str = "(x) => (y)") -> str:
    return f'<domain: "own", opset_import: ["" : 17]> {name} {signature} {{ {body} }}\n'


def test_functions_are_put_in_with_names_that_are_free() -> None:
    scaled = function("scaled", "[s] a = Neg(x) [t] y = own.twice(a)")
    twice = function("twice", "[s] a = Abs(x) [t] y = Add(a, a)")
    whole = model("[one] b = own.scaled(x) [two] y = own.scaled(b)", scaled + twice)
    ir.inline(whole)
    assert not whole.functions
    assert [node.op_type for node in whole.graph] == ["Neg", "Abs", "Add"] * 2
    names = [node.name for node in whole.graph]
    values = [value.name for node in whole.graph for value in node.outputs]
    assert len({*names}) == len({*values}) == 6
    assert values[-1] == "y"
    assert whole.graph.outputs[0].producer() is whole.graph[-1]


def test_attributes_are_those_of_the_call_or_their_defaults() -> None:
    body = "a = LeakyRelu<alpha: float = @slope>(x) y = Elu<alpha: float = @other>(a)"
    leaky = function("leaky", body, "<slope, other: float = 3.0> (x) => (y)")
    whole = model("a = own.leaky<slope = 0.5>(x) y = own.leaky(a)", leaky)
    ir.inline(whole)
    slopes = [node.attributes.get_float("alpha", None) for node in whole.graph]
    assert slopes == [0.5, 3.0, None, 3.0]


def test_functions_within_branches_are_put_in() -> None:
    calls = """y = If (c) <then_branch = t () => (float[2] p) { p = own.f(x) },
                           else_branch = e () => (float[2] q) { q = Neg(x) }>"""
    whole = model(calls, function("f", "y = Abs(x)"))
    ir.inline(whole)
    assert [node.op_type for node in whole.graph.all_nodes()] == ["If", "Abs", "Neg"]


def test_what_a_function_hands_on_keeps_its_name() -> None:
    whole = model("a, b = own.f(x) y = Add(a, b)", function("f", "z = Abs(x)", "(x) => (x, z)"))
    ir.inline(whole)
    assert whole.graph.inputs[0].name == "x"
    assert [node.op_type for node in whole.graph] == ["Abs", "Identity", "Add"]


@pytest.mark.parametrize(
    ("calls", "functions", "message"),
    [
        (
            "y = own.f(x)",
            function("f", "y = own.g(x)") + function("g", "y = own.f(x)"),
            "call themselves: own::f -> own::g -> own::f",
        ),
        ("y = own.f(x, x)", function("f", "y = Abs(x)"), "too many inputs"),
        ("y, z = own.f(x)", function("f", "y = Abs(x)"), "too many outputs"),
        (
            "y = own.f(x)",
            function("f", "y = Abs(x)").replace('"" : 17', '"" : 16'),
            "another opset of '' than the graph",
        ),
        (
            "y = own.f<body = b () => (float[2] q) { q = Neg(x) }>(x)",
            function("f", "y = Abs(x)"),
            "a graph as an attribute",
        ),
    ],
    ids=["cycle", "inputs", "outputs", "opset", "graph"],
)
def test_calls_that_do_not_fit_are_refused(calls: str, functions: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ir.inline(model(calls, functions))
