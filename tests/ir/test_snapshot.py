from __future__ import annotations

from bridge import ir
from bridge.ir import Snapshot, SnapshotNode
from tests.helpers.keras_against_onnx import graph


def test_the_graph_stays_as_it_was_and_its_shapes_become_known() -> None:
    model = ir.from_proto(
        graph("g (float[2,3] x) => (float[2,3] y) { a = Relu(x) y = Abs(a) }", {})
    )
    model.graph[0].outputs[0].shape = None
    snapshot = Snapshot(model.graph)
    assert snapshot.shapes() == {"a": None, "y": (2, 3)}
    ir.infer_shapes(model)
    assert snapshot.shapes() == {"a": (2, 3), "y": (2, 3)}
    model.graph.remove(model.graph[1])
    assert snapshot.operators == {"a": "Relu", "y": "Abs"}
    assert (snapshot.inputs, snapshot.outputs) == (("x",), ("y",))


def test_a_value_that_got_another_name_is_not_known_by_the_old_one() -> None:
    model = ir.from_proto(
        graph("g (float[2,3] x) => (float[2,3] y) { a = Relu(x) y = Abs(a) }", {})
    )
    snapshot = Snapshot(model.graph)
    ir.infer_shapes(model)
    model.graph[0].outputs[0].name = "b"
    assert snapshot.shapes() == {"a": None, "y": (2, 3)}


def test_constants_are_left_out_and_branches_read_what_is_around_them() -> None:
    text = """g (bool c, float[2] x, float[2] z) => (float[2] y) {
        k = Constant<value = float[1] {1.0}>()
        s = Add(x, k)
        y = If(c) <then_branch = t () => (float[2] o) { o = Mul(s, k) },
                   else_branch = e () => (float[2] p) { p = Identity(z) }>
    }"""
    snapshot = Snapshot(ir.from_proto(graph(text, {})).graph)
    assert [(x.operator, x.reads, x.writes) for x in snapshot.nodes] == [
        ("Add", ("x",), ("s",)),
        ("If", ("c", "s", "z"), ("y",)),
    ]
    assert snapshot.nodes[0] == SnapshotNode(snapshot.nodes[0].name, "Add", ("x",), ("s",))
