"""Copies of graphs."""

from __future__ import annotations

import onnx

from bridge import ir

TEXT = """<ir_version: 8, opset_import: ["" : 17]>
g (bool c, float[2] x) => (float[2] y) {
    a = Abs(x)
    y = If (c) <
        then_branch = t () => (float[2] p) <float[2] k = {1, 2}> {
            i = Add(a, k)
            p = If (c) <then_branch = u () => (float[2] r) { r = Neg(i) },
                        else_branch = v () => (float[2] s) { s = Abs(i) }>
        },
        else_branch = e () => (float[2] q) { q = Neg(a) }
    >
}"""


def test_a_copy_has_values_of_its_own_and_reads_those_around_it() -> None:
    graph = ir.from_proto(onnx.parser.parse_model(TEXT)).graph
    a, branch = graph[0].outputs[0], next(graph[1].subgraphs())
    copy = ir.copied_graph(branch)
    assert [node.op_type for node in copy.all_nodes()] == ["Add", "If", "Neg", "Abs"]
    assert {*copy.all_nodes()}.isdisjoint(branch.all_nodes())
    assert copy[0].inputs[0] is a
    assert copy.outputs[0].producer() is copy[1]
    assert copy.initializers["k"] is not branch.initializers["k"]
    assert copy.initializers["k"].const_value is branch.initializers["k"].const_value
    inner = next(copy[1].subgraphs())
    assert inner[0].inputs[0] is copy[0].outputs[0]
    assert inner.outputs[0].name == "r"
