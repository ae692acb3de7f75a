from __future__ import annotations

import numpy as np
import onnx
import onnx.reference
import pytest

from bridge import ir
from bridge.errors import GraphError
from bridge.graph.io import to_ir
from bridge.graph.passes import PIPELINE, run_passes, simplify
from bridge.lower import LoweredModel


def graph(text: str, header: str = 'ir_version: 8, opset_import: ["" : 17]') -> ir.Model:
    return ir.from_proto(onnx.parser.parse_model(f"<{header}>\n{text}"))


def operators(model: ir.Model) -> list[str]:
    return [node.op_type for node in model.graph]


def test_a_graph_of_our_own_passes_unchanged(lowered: LoweredModel) -> None:
    model = to_ir(lowered)
    before = str(model)
    assert str(run_passes(model)) == before


def test_a_flatten_as_exporters_spell_it_out() -> None:
    model = run_passes(
        graph("""
        g (float[batch,3,4,4] x) => (float[batch,48] y) {
            shape = Shape(x)
            zero = Constant<value: tensor = int64 {0}>()
            batch = Gather<axis=0>(shape, zero)
            axes = Constant<value_ints=[0]>()
            dim = Unsqueeze(batch, axes)
            rest = Constant<value: tensor = int64[1] {-1}>()
            target = Concat<axis=0>(dim, rest)
            y = Reshape(x, target)
        }""")
    )
    assert operators(model) == ["Reshape"]
    target = model.graph[0].inputs[1]
    assert target is not None
    assert target.const_value is not None
    assert target.const_value.numpy().tolist() == [0, 48]


def test_shapes_are_inferred_where_they_are_missing() -> None:
    model = run_passes(graph("g (float[n,2] x) => (float[n,2] y) { a = Relu(x) y = Relu(a) }"))
    assert str(model.graph[0].outputs[0].shape) == "[n,2]"


def test_functions_are_inlined() -> None:
    model = run_passes(
        graph(
            """
            g (float[2] x) => (float[2] y) { y = own.twice(x) }
            <domain: "own", opset_import: ["" : 17]> twice (a) => (b) { b = Add(a, a) }""",
            'ir_version: 8, opset_import: ["" : 17, "own" : 1]',
        )
    )
    assert operators(model) == ["Add"]


def test_what_leads_nowhere_is_removed() -> None:
    model = run_passes(graph("g (float[2] x) => (float[2] y) { dead = Exp(x) y = Relu(x) }"))
    assert operators(model) == ["Relu"]


def test_a_graph_without_standard_operators() -> None:
    with pytest.raises(GraphError, match="no standard operators"):
        run_passes(
            graph(
                "g (float[2] x) => (float[2] y) { y = own.Op(x) }",
                'ir_version: 8, opset_import: ["own" : 1]',
            )
        )


def test_a_graph_that_stays_onnx_is_simplified_and_not_checked() -> None:
    text = "g (float[2,6] x) => (float[2,6] y) { unused = Neg(x)  y = NobodyKnows(x) }"
    with pytest.raises(GraphError, match="the type of 'y' is not known"):
        run_passes(graph(text.replace("float[2,6] y", "y")))
    assert operators(simplify(graph(text))) == ["NobodyKnows"]


def test_each_pass_says_what_it_needs_and_gives() -> None:
    assert all(step.requires and step.ensures for step in PIPELINE)
    assert PIPELINE[-1].name == "check"


def test_the_same_numbers_come_out() -> None:
    text = """
    g (float[2,6] x) => (float[2,3,2] y, float[2] k) {
        a = Constant<value_ints=[2]>()
        b = Constant<value_ints=[-1, 2]>()
        t = Concat<axis=0>(a, b)
        y = Reshape(x, t)
        one = Constant<value_floats=[1.0, 2.0]>()
        k = Exp(one)
    }"""
    x = np.arange(12, dtype=np.float32).reshape(2, 6)
    model = run_passes(graph(text))
    assert operators(model) == ["Reshape", "Exp"]
    evaluator = onnx.reference.ReferenceEvaluator(ir.to_proto(model))
    y, k = evaluator.run(None, {"x": x})
    np.testing.assert_array_equal(y, x.reshape(2, 3, 2))
    np.testing.assert_allclose(k, np.exp([1, 2]), rtol=1e-6)
