"""A graph as it is before any pass, to be shown beside what becomes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bridge.ir.graph import Graph
from bridge.ir.nodes import Node, Value

Sizes = tuple[int | str, ...]


@dataclass(frozen=True)
class SnapshotNode:
    """A node, by the names of what it reads, weights left out, and of what it computes."""

    name: str
    operator: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]


class Snapshot:
    """The inputs, nodes and outputs of a graph, by name; constants are left out.

    Shapes are those that the values have when they are asked for: after the passes, which infer
    them, so that none is inferred for this alone.
    """

    def __init__(self, graph: Graph) -> None:
        computing = [node for node in graph if node.op_type != "Constant"]
        self.inputs = _named(v for v in graph.inputs if v.name not in graph.initializers)
        self.outputs = _named(graph.outputs)
        self._values = {name: v for node in computing for name, v in _by_name(node).items()}
        known = {*self.inputs, *self._values}
        self.nodes = tuple(_node(node, known) for node in computing if _by_name(node))

    @property
    def operators(self) -> Mapping[str, str]:
        """The operator that computes each value."""
        return {name: node.operator for node in self.nodes for name in node.writes}

    def shapes(self) -> Mapping[str, Sizes | None]:
        """Of each computed value, None where it is not known."""
        return {name: _sizes(v) if v.name == name else None for name, v in self._values.items()}


def _node(node: Node, known: set[str]) -> SnapshotNode:
    writes = tuple(_by_name(node))
    reads = tuple(name for name in dict.fromkeys(_reads(node)) if name in known)
    return SnapshotNode(str(node.name or writes[0]), node.op_type, reads, writes)


def _reads(node: Node) -> Iterator[str]:
    """Also what the nodes of its loops and branches read, which may be values around it."""
    yield from (str(value.name) for value in node.inputs if value is not None and value.name)
    for graph in node.subgraphs():
        for inner in graph:
            yield from _reads(inner)
        yield from _named(graph.outputs)


def _by_name(node: Node) -> Mapping[str, Value]:
    return {str(value.name): value for value in node.outputs if value.name}


def _named(values: Iterable[Value]) -> tuple[str, ...]:
    return tuple(str(value.name) for value in values)


def _sizes(value: Value) -> Sizes | None:
    if value.shape is None:
        return None
    return tuple(size if isinstance(size, int) else str(size.value or "?") for size in value.shape)
