from __future__ import annotations

from bridge import ir
from bridge.graph.producers import computed_by
from tests.helpers.keras_against_onnx import graph


def test_a_transpose_only_moves_what_another_node_computed() -> None:
    text = """g (float[2,3] x) => (float[2,3] y) {
        r = Relu(x)  a = Transpose<perm=[1,0]>(r)  y = Transpose<perm=[1,0]>(a)
    }"""
    model = ir.from_proto(graph(text))
    assert computed_by(model.graph.outputs[0]) == "Relu"


def test_nothing_computes_an_input() -> None:
    model = ir.from_proto(graph("g (float[2] x) => (float[2] y) { y = Relu(x) }"))
    assert computed_by(model.graph.inputs[0]) == computed_by(None) == ""
