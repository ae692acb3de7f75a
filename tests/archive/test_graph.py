"""The order of a graph's layers is that of the model that Keras builds."""

from __future__ import annotations

import keras
import pytest

from bridge.archive.graph import Graph, Use
from bridge.errors import UnsupportedError
from bridge.keras.build import build
from bridge.layout import Layout
from bridge.raising.plan import Call, Plan, PlanInput, Ref, Stored
from tests.helpers.keras_against_onnx import graph, plan_of, seeded


def names(plan: Plan) -> list[str]:
    net = Graph.of_plan(plan, "net")
    entries = {entry.id: entry.name for entry in plan.inputs}
    return [entries.get(n) or net.uses[n].call.name for n in net.needed]


@pytest.mark.parametrize(
    "text",
    [
        "(float[b,2] x) => (y) { a = Relu(x) b = Neg(a) y = Sin(b) }",
        "(float[b,2] x) => (y) { a = Relu(x) b = Neg(x) d = Sin(b) y = Add(d, a) }",
        "(float[b,2] x) => (y) { a = Relu(x) b = Neg(x) d = Sin(b) y = Sub(a, d) }",
        "(float[b,2] x) => (z, y) { a = Relu(x) z = Neg(a) y = Sin(x) }",
        "(float[b,2] x, float[b,2] u) => (y) { a = Neg(u) b = Sin(a) y = Add(x, b) }",
        "(float[b,2] x, float[b,2] unread) => (y) { y = Relu(x) }",
        "(float[b,4] x) => (p, q) { p, q = Split<axis=1>(x) r = Neg(p) }",
        "(float[b,2] x) => (y) { a = Tanh(x) b = Where(c, a, x) y = Sin(b) }",
    ],
)
def test_it_is_keras_s_order(text: str) -> None:
    constants = {"c": seeded((2,)) > 0}
    plan = plan_of(graph(f"g {text}", constants))
    assert names(plan) == [operation.name for operation in build(plan).operations]


def test_it_is_keras_s_order_where_a_layer_is_applied_again() -> None:
    text = """g (float[b,3] x) => (y) {
        a = MatMul(x, w) b = Tanh(a) c = Sin(x) d = MatMul(b, w) e = Add(c, d) y = Relu(e)
    }"""
    model = graph(text, {"w": seeded((3, 3))})
    for number, node in enumerate(model.graph.node):
        node.name = f"l/{number}"
    plan = plan_of(model)
    net, built = Graph.of_plan(plan, "net"), build(plan)
    assert names(plan) == [operation.name for operation in built.operations]
    (shared,) = (calls for calls in net.needed.values() if len(calls) == 2)
    assert [net.nodes[call] for call in shared] == [("l>0", 0), ("l>0", 1)]
    assert isinstance(built.get_layer("l>0"), keras.layers.Dense)


def test_calls_that_no_output_needs_are_left_out() -> None:
    entry = PlanInput(1, "x", "x", ("b", 2), "float32")
    calls = (Call(2, "a", "ops.sin", (Ref(1),)), Call(3, "b", "ops.cos", (Ref(1),)))
    net = Graph.of_plan(
        Plan("net", (entry,), calls, ("y",), {"y": Stored(Ref(3), Layout.identity(()))}), "net"
    )
    assert net.needed == {1: [], 3: [3]}
    assert net.nodes == {1: ("x", 0), 3: ("b", 0)}


def test_a_deep_graph_needs_no_nested_calls() -> None:
    entry = PlanInput(0, "x", "x", ("b", 2), "float32")
    calls = tuple(Call(n, f"c{n}", "ops.sin", (Ref(n - 1),)) for n in range(1, 5001))
    plan = Plan("net", (entry,), calls, ("y",), {"y": Stored(Ref(5000), Layout.identity(()))})
    assert list(Graph.of_plan(plan, "net").needed) == list(range(5001))


def test_a_function_without_a_table_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="no_such_function"):
        Use.of(Call(2, "f", "ops.no_such_function", ()))
