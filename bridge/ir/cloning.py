"""Copies of nodes and graphs."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.ir.attributes import Attr, AttributeType
from bridge.ir.graph import Graph
from bridge.ir.nodes import Node, Value


def copied_graph(graph: Graph) -> Graph:
    """A copy whose nodes read what the graph reads of those around it. Constants share their
    numbers."""
    return _Copier({}, None).graph(graph)


def copied_nodes(
    graph: Graph, arguments: Mapping[Value, Value | None], attributes: Mapping[str, Attr]
) -> tuple[list[Node], dict[Value, Value | None]]:
    """The nodes of a function's graph for one call of it, with these attributes; and what is in the
    stead of each of its values."""
    copier = _Copier(dict(arguments), attributes)
    return [copier.node(node) for node in graph], copier.values


class _Copier:
    """`values` has the copy of each value; others are not of the graph. Without `attributes`, what
    refers to an attribute stays as it is."""

    def __init__(
        self, values: dict[Value, Value | None], attributes: Mapping[str, Attr] | None
    ) -> None:
        self.values, self._attributes = values, attributes

    def graph(self, graph: Graph) -> Graph:
        inputs = [self._value(value) for value in graph.inputs]
        constants = [self._value(value) for value in graph.initializers.values()]
        nodes = [self.node(node) for node in graph]
        outputs = [self.values.get(value, value) or value for value in graph.outputs]
        return Graph(
            inputs,
            outputs,
            nodes=nodes,
            initializers=constants,
            opset_imports=dict(graph.opset_imports),
            name=graph.name,
        )

    def node(self, node: Node) -> Node:
        inputs = [None if value is None else self.values.get(value, value) for value in node.inputs]
        attributes = filter(None, map(self._attribute, node.attributes.values()))
        outputs = [self._value(value) for value in node.outputs]
        return Node(
            node.domain,
            node.op_type,
            inputs,
            list(attributes),
            overload=node.overload,
            outputs=outputs,
            name=node.name,
        )

    def _value(self, value: Value) -> Value:
        copy = self.values.get(value)
        if copy is None:
            copy = Value(
                value.name, shape=value.shape, type=value.type, const_value=value.const_value
            )
            self.values[value] = copy
        return copy

    def _attribute(self, attribute: Attr) -> Attr | None:
        """None where it refers to an attribute that the call does not have."""
        if attribute.refers_to and self._attributes is not None:
            own = self._attributes.get(attribute.refers_to)
            return own and Attr(attribute.name, own.type, own.value, own.refers_to)
        if not attribute.graphs:
            return attribute
        graphs = tuple(map(self.graph, attribute.graphs))
        one = attribute.type is AttributeType.GRAPH
        return Attr(attribute.name, attribute.type, graphs[0] if one else graphs)
