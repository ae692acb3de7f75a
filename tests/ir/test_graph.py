"""Graphs of nodes, in order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import ir


def graph_of(count: int) -> tuple[ir.Graph, list[ir.Node]]:
    nodes = [ir.Node("", "Relu", [None], name=f"n{index}") for index in range(count)]
    return ir.Graph([], [], nodes=nodes), nodes


STEPS = st.lists(
    st.tuples(st.sampled_from(["before", "after", "remove", "append"]), st.integers(0, 99)),
    max_size=20,
)


@given(st.integers(0, 4), STEPS)
def test_the_order_is_that_of_a_list(count: int, steps: list[tuple[str, int]]) -> None:
    graph, expected = graph_of(count)
    for number, (step, index) in enumerate(steps):
        node, new = expected[index % len(expected)] if expected else None, ir.node("Abs", [None])
        if step == "append" or node is None:
            graph.append(new)
            expected.append(new)
        elif step == "remove":
            graph.remove(node)
            expected.remove(node)
        else:
            insert = graph.insert_before if step == "before" else graph.insert_after
            insert(node, [new])
            expected.insert(expected.index(node) + (step == "after"), new)
        assert list(graph) == expected, f"after step {number}"
        assert list(reversed(graph)) == expected[::-1]
        assert len(graph) == len(expected)
        assert not expected or (graph[0], graph[-1]) == (expected[0], expected[-1])
        assert all(node.graph is graph for node in expected)


def test_a_loop_over_the_nodes_sees_those_of_its_beginning() -> None:
    graph, nodes = graph_of(3)
    seen = []
    for node in graph:
        seen.append(node)
        graph.remove(node)
        graph.append(ir.node("Abs", [None]))
    assert seen == nodes


def test_nodes_and_values_without_names_get_some() -> None:
    graph, _ = graph_of(0)
    graph.append(ir.Node("", "Abs", [None], name="node_Relu_0"))
    graph.append(ir.node("Relu", [None]))
    graph.append(ir.node("Relu", [None]))
    assert [node.name for node in graph] == ["node_Relu_0", "node_Relu_1", "node_Relu_2"]
    assert [node.outputs[0].name for node in graph] == ["val_0", "val_1", "val_2"]


def test_a_node_is_removed_safely_only_where_nobody_reads_it() -> None:
    x = ir.Value("x")
    first = ir.node("Relu", [x])
    second = ir.node("Abs", first.outputs)
    graph = ir.Graph([x], second.outputs, nodes=[first, second])
    for needed in (first, second):
        with pytest.raises(ValueError, match="is needed"):
            graph.remove(needed, safe=True)
    graph.outputs.clear()
    graph.remove([first, second], safe=True)
    assert len(graph) == 0
    assert not x.uses()
    with pytest.raises(ValueError, match="not in this graph"):
        graph.remove(first)


def test_a_node_is_in_one_graph() -> None:
    graph, (node,) = graph_of(1)
    with pytest.raises(ValueError, match="in a graph already"):
        graph.append(node)


def test_inputs_and_outputs_know_that_they_are() -> None:
    x, y = ir.Value("x"), ir.Value("y")
    graph = ir.Graph([x], [x, x], nodes=[])
    graph.outputs[0] = y
    assert x.is_graph_output()  # it is listed twice
    graph.outputs[:] = [y]
    assert not x.is_graph_output()
    assert x.is_graph_input()
    graph.inputs.remove(x)
    assert not x.is_graph_input()
    assert list(graph.outputs) == [y]


def test_a_constant_has_a_name_of_its_own() -> None:
    graph, _ = graph_of(0)
    constant = ir.Value("w", const_value=ir.Tensor(np.ones(1)))
    graph.register_initializer(constant)
    graph.register_initializer(constant)
    with pytest.raises(ValueError, match="name of another"):
        graph.register_initializer(ir.Value("w", const_value=ir.Tensor(np.ones(1))))
    with pytest.raises(ValueError, match="no constant"):
        graph.register_initializer(ir.Value("v"))
    graph.rename(constant, "v")
    assert graph.initializers == {"v": constant}
