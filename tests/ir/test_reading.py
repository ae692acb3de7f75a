"""Graphs from their messages, and messages of graphs."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import AttributeProto, helper, numpy_helper

from bridge import ir

PLAIN = """<ir_version: 8, opset_import: ["" : 17]>
g (float[n,3] x, float[3] w) => (float[n,3] y) <float[3] w = {1, 2, 3}, int64[1] k = {1}> {
    [one] a = own.Many<f = 1.5, i = 1, ints = [1], floats = [1.0, 2.5], s = "a", ss = ["a"]>(x, w)
    b, , c = own.Several(a, , k)
    y = Identity(b)
}"""
BRANCHES = """<ir_version: 8, opset_import: ["" : 17]>
g (bool c, float[2] x) => (float[2] y) {
    a = Abs(x)
    y = If (c) <
        then_branch = t () => (float[2] p) <float[2] k = {1, 2}> { p = Add(a, k) },
        else_branch = e () => (float[2] q) { q = Neg(a) }
    >
}"""
FUNCTIONS = """<ir_version: 10, opset_import: ["" : 17, "own" : 1]>
g (float[2] x) => (float[2] y) { y = own.scaled<by = 2.0>(x) }
<domain: "own", opset_import: ["" : 17]> scaled <by, offset: float = 1.0> (x) => (y) {
    k = Constant<value_float: float = @by>()
    y = Mul(x, k)
}"""


@pytest.mark.parametrize(
    "text", [PLAIN, BRANCHES, FUNCTIONS], ids=["plain", "branches", "functions"]
)
def test_a_model_is_written_as_it_was_read(text: str) -> None:
    proto = onnx.parser.parse_model(text)
    proto.producer_name, proto.producer_version = "somebody", "1"
    proto.metadata_props.add(key="a", value="b")
    written = ir.to_proto(ir.from_proto(proto))
    for message in (proto, written):  # what constants and results are is written out
        branches = [a.g for node in message.graph.node for a in node.attribute]
        for graph in (message.graph, *branches):
            del graph.value_info[:]
    assert onnx.printer.to_text(written) == onnx.printer.to_text(proto)


def test_what_branches_read_of_the_graph_is_its_own() -> None:
    graph = ir.from_proto(onnx.parser.parse_model(BRANCHES)).graph
    a = graph[0].outputs[0]
    branches = list(graph[1].subgraphs())
    assert [branch[0].inputs[0] for branch in branches] == [a, a]
    assert [*branches[0].initializers] == ["k"]
    assert [node.op_type for node in graph.all_nodes()] == ["Abs", "If", "Add", "Neg"]


def test_shapes_and_types_are_those_of_the_file() -> None:
    graph = ir.from_proto(onnx.parser.parse_model(PLAIN)).graph
    assert graph.inputs[0].shape == (ir.SymbolicDim("n"), 3)
    assert graph.inputs[1].const_value is graph.initializers["w"].const_value
    assert graph.initializers["k"].dtype is ir.DataType.INT64
    assert graph[0].outputs[0].shape is None
    assert graph[1].outputs[1].name == ""
    assert graph[1].inputs[1] is None


def test_a_node_may_read_what_there_is_not() -> None:
    node = helper.make_node("Relu", ["nothing"], ["y"])
    proto = helper.make_model(helper.make_graph([node], "g", [], []))
    (value,) = ir.from_proto(proto).graph[0].inputs
    assert value is not None
    assert (value.name, value.producer()) == ("nothing", None)


def with_attribute(attribute: AttributeProto) -> onnx.NodeProto:
    return onnx.NodeProto(attribute=[attribute])


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (helper.make_node("Relu", ["x"], ["x"]), "two values are called 'x'"),
        (
            with_attribute(AttributeProto(name="s", type=AttributeProto.SPARSE_TENSOR)),
            "'s' has a kind that is not supported: SPARSE_TENSOR",
        ),
        (with_attribute(helper.make_attribute("t", onnx.TensorProto(data_type=99))), "99"),
    ],
    ids=["two of one name", "sparse", "dtype"],
)
def test_what_is_no_graph_is_refused(node: onnx.NodeProto, message: str) -> None:
    x = helper.make_tensor_value_info("x", 1, [1])
    with pytest.raises(ir.InvalidModelError, match=message):
        ir.from_proto(helper.make_model(helper.make_graph([node], "g", [x], [])))


def test_a_text_may_be_no_text() -> None:
    proto = AttributeProto(name="a", type=AttributeProto.STRING, s=b"\xff")
    assert ir.attribute_of(proto).value == b"\xff"


def test_a_constant_may_be_written_without_its_numbers() -> None:
    proto = onnx.parser.parse_model(PLAIN)
    written = ir.to_proto(
        ir.from_proto(proto),
        lambda tensor, name: ir.write_tensor(tensor, name) if name == "w" else None,
    )
    assert [value.name for value in written.graph.input] == ["x", "w", "k"]
    (constant,) = written.graph.initializer
    np.testing.assert_array_equal(numpy_helper.to_array(constant), np.float32([1, 2, 3]))
