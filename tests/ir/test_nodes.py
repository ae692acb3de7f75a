"""Nodes, and the values between them."""

from __future__ import annotations

import pytest

from bridge import ir


def test_a_value_knows_its_producer_and_its_uses() -> None:
    x = ir.Value("x")
    double = ir.node("Add", [x, x])
    y = double.outputs[0]
    last = ir.node("Relu", [y])
    assert x.producer() is None
    assert y.producer() is double
    assert x.uses() == ((double, 0), (double, 1))
    assert x.consumers() == (double,)
    y.replace_all_uses_with(x)
    assert last.inputs == (x,)
    assert not y.uses()
    assert x.uses()[-1] == (last, 0)


def test_an_output_of_the_graph_is_replaced_only_if_that_is_asked_for() -> None:
    x = ir.Value("x")
    relu = ir.node("Relu", [x])
    graph = ir.Graph([x], relu.outputs, nodes=[relu])
    other = ir.Value("other")
    with pytest.raises(ValueError, match="an output of the graph"):
        relu.outputs[0].replace_all_uses_with(other)
    relu.outputs[0].replace_all_uses_with(other, replace_graph_outputs=True)
    assert list(graph.outputs) == [other]
    assert other.is_graph_output()
    assert not relu.outputs[0].is_graph_output()


def test_inputs_and_outputs_are_dropped_from_the_end() -> None:
    x, y = ir.Value("x"), ir.Value("y")
    node = ir.Node("", "Split", [x, None, y], num_outputs=3)
    dropped = node.outputs[1]
    node.drop_inputs(1)
    node.drop_outputs(1)
    assert node.inputs == (x,)
    assert not y.uses()
    assert len(node.outputs) == 1
    assert dropped.producer() is None


def test_the_dtype_is_part_of_the_type() -> None:
    value = ir.Value("x")
    assert value.dtype is None
    value.dtype = ir.DataType.FLOAT
    assert value.type == ir.TensorType(ir.DataType.FLOAT)
