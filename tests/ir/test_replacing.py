"""Nodes in the stead of others."""

from __future__ import annotations

import onnx

from bridge import ir


def test_new_nodes_give_what_the_old_gave() -> None:
    text = """<ir_version: 8, opset_import: ["" : 17]>
    g (float[2] x) => (float[2] y, float[2] z) { a = Abs(x) y = Relu(a) z = Neg(y) }"""
    graph = ir.from_proto(onnx.parser.parse_model(text)).graph
    absolute, relu, neg = graph
    new = ir.node("Exp", [graph.inputs[0]], name="new")
    ir.replace_nodes(graph, [absolute, relu], [new], relu.outputs, new.outputs)
    assert list(graph) == [new, neg]
    assert neg.inputs == new.outputs
    assert graph.outputs[0] is new.outputs[0]
    assert (new.outputs[0].name, new.outputs[0].shape) == ("y", (2,))
    assert graph.inputs[0].uses() == ((new, 0),)
