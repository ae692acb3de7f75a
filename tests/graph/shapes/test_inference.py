"""Free sizes, followed through whole graphs."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from bridge import ir
from bridge.errors import GraphError
from bridge.graph.passes import run_passes
from bridge.graph.shapes.inference import follow_sizes
from tests.helpers.keras_against_onnx import graph


def sizes(model: ir.Model, name: str) -> list[int | str | None]:
    values = [*model.graph.inputs, *(value for node in model.graph for value in node.outputs)]
    (shape,) = [value.shape for value in values if value.name == name]
    return [size if isinstance(size, int) else size.value for size in shape or ()]


def test_two_ways_to_one_size_have_one_name() -> None:
    text = """g (float[n,3,h,w] x, float[4,3,3,3] k, float[4,3,1,1] l) => (float[n,4,p,q] y) {
        a = Conv<strides=[2,2], pads=[1,1,1,1]>(x, k)  b = Conv<strides=[2,2]>(x, l)  y = Add(a, b)
    }"""
    model = ir.from_proto(graph(text))
    assert not follow_sizes(model)
    assert sizes(model, "a") == sizes(model, "b") == sizes(model, "y")
    assert sizes(model, "y") == ["n", 4, "(h+1)//2", "(w+1)//2"]


def test_a_declared_name_gives_way_and_one_that_nothing_tells_stays() -> None:
    text = """g (float[n,4] x, bool[m] c) => (float[a,4] y, float[b,4] z) {
        y = Relu(x)  z = Compress<axis=0>(x, c)
    }"""
    model = ir.from_proto(graph(text))
    follow_sizes(model)
    assert sizes(model, "y") == ["n", 4]
    assert sizes(model, "z") == ["b", 4]


def test_sizes_without_names_get_one_each() -> None:
    text = """g (float[n,4] x, float[m,4] x2) => (float[a,4] y, float[b,4] z) {
        y = Relu(x)  z = Relu(x2)
    }"""
    proto = graph(text)
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].Clear()
    model = ir.from_proto(proto)
    follow_sizes(model)
    assert sizes(model, "x") == sizes(model, "y") == ["unk__0", 4]
    assert sizes(model, "x2") == sizes(model, "z") == ["unk__1", 4]


def test_a_view_that_an_exporter_spells_out_is_a_constant() -> None:
    text = """g (float[n,4,h,w] x) => (float[n,a,b] y) <int64 zero = {0}, int64[1] axis = {0},
        int64[1] rest = {-1}, int64[1] two = {2}> {
            shape = Shape(x)  batch = Gather(shape, zero)  first = Unsqueeze(batch, axis)
            to = Concat<axis=0>(first, two, rest)  y = Reshape(x, to)
        }"""
    model = run_passes(ir.from_proto(graph(text)))
    (node,) = model.graph
    target = node.inputs[1]
    assert target is not None
    assert target.const_value is not None
    np.testing.assert_array_equal(target.const_value.numpy(), [0, 2, -1])
    assert sizes(model, "y") == ["n", 2, "2*h*w"]


def test_what_is_numbers_after_all_is_folded() -> None:
    """A condition of sizes, as exporters write it for a squeeze that may be."""
    text = """g (float[n,1,w] x) => (float[a,b] y) <int64 one = {1}, int64[1] axis = {1}> {
        shape = Shape(x)  size = Gather(shape, one)  is_one = Equal(size, one)
        y = If<then_branch = then () => (float[c,d] t) { t = Squeeze(x, axis) },
               else_branch = other () => (float[c,d] e) { e = ReduceSum<keepdims=0>(x, axis) }
        >(is_one)
    }"""
    model = run_passes(ir.from_proto(onnx_graph(text)))
    assert [node.op_type for node in model.graph] == ["Squeeze"]
    assert sizes(model, "y") == ["n", "w"]


def onnx_graph(text: str) -> onnx.ModelProto:
    return onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["":17]>\n{text}')


def test_a_node_that_is_none_of_onnx_is_refused_as_such() -> None:
    text = """g (float[n,4] x) => (float[n,4] y)
        <int64[1] start = {0}, int64[1] end = {2}, int64[1] axis = {3}> {
            y = Slice(x, start, end, axis)
        }"""
    with pytest.raises(GraphError, match="not a Slice as ONNX defines it"):
        run_passes(ir.from_proto(onnx_graph(text)))
