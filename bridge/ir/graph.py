"""Graphs of nodes, in an order in which they can be computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

from bridge.ir.attributes import Attr, Attributes
from bridge.ir.nodes import Node, Value

Identifier = tuple[str, str, str]
"""The domain, the name and the overload of an operator."""


class Listed(MutableSequence[Value]):
    """The inputs or the outputs of a graph, which know that they are."""

    def __init__(self, graph: Graph, role: Literal["_input_of", "_output_of"]) -> None:
        self._graph, self._role = graph, role
        self._values: list[Value] = []

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Value]:
        return iter(self._values)

    def __getitem__(self, index: Any) -> Any:
        return self._values[index]

    def __setitem__(self, index: Any, values: Any) -> None:
        values = list(values) if isinstance(index, slice) else values
        before = list(self._values)
        self._values[index] = values
        self._tell(before)

    def __delitem__(self, index: Any) -> None:
        before = list(self._values)
        del self._values[index]
        self._tell(before)

    def insert(self, index: int, value: Value) -> None:
        self._values.insert(index, value)
        setattr(value, self._role, self._graph)

    def _tell(self, before: Sequence[Value]) -> None:
        for value in before:
            setattr(value, self._role, None)
        for value in self._values:
            setattr(value, self._role, self._graph)


class Graph:
    """Nodes with their inputs, outputs and constants. Who iterates over it sees the nodes that were
    there at the beginning, whatever becomes of them.

    Nodes are linked with each other, so that each change takes as long in a large graph as in a
    small one.
    """

    def __init__(
        self,
        inputs: Iterable[Value],
        outputs: Iterable[Value],
        *,
        nodes: Iterable[Node],
        initializers: Iterable[Value] = (),
        opset_imports: dict[str, int] | None = None,
        name: str | None = None,
    ) -> None:
        self.name, self.opset_imports = name, opset_imports or {}
        self.inputs, self.outputs = Listed(self, "_input_of"), Listed(self, "_output_of")
        self.inputs.extend(inputs)
        self.outputs.extend(outputs)
        self.initializers: dict[str, Value] = {str(value.name): value for value in initializers}
        self._first: Node | None = None
        self._last: Node | None = None
        self._listed: list[Node] | None = []
        self._names: set[str] = set()  # of nodes, now and before
        self._numbers = count()
        self._numbers_of_values = count()
        self.extend(nodes)

    # The order of nodes

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes())

    def __reversed__(self) -> Iterator[Node]:
        return reversed(self._nodes())

    def __len__(self) -> int:
        return len(self._nodes())

    def __getitem__(self, index: int) -> Node:
        return self._first if index == 0 and self._first is not None else self._nodes()[index]

    def _nodes(self) -> list[Node]:
        if self._listed is None:
            self._listed, node = [], self._first
            while node is not None:
                self._listed.append(node)
                node = node.following
        return self._listed

    def all_nodes(self) -> Iterator[Node]:
        """The nodes, and after each those of its branches and loops."""
        for node in self:
            yield node
            for graph in node.subgraphs():
                yield from graph.all_nodes()

    def append(self, node: Node) -> None:
        self._insert((node,), self._last, None)

    def extend(self, nodes: Iterable[Node]) -> None:
        self._insert(nodes, self._last, None)

    def insert_before(self, node: Node, new: Node | Iterable[Node]) -> None:
        self._insert((new,) if isinstance(new, Node) else new, node.preceding, node)

    def insert_after(self, node: Node, new: Node | Iterable[Node]) -> None:
        self._insert((new,) if isinstance(new, Node) else new, node, node.following)

    def remove(self, nodes: Node | Iterable[Node], *, safe: bool = False) -> None:
        """Takes nodes out of the graph; if `safe` also from what they read. Raises ValueError for
        nodes of another graph, and, if safe, where others read what they give."""
        removed = dict.fromkeys([nodes] if isinstance(nodes, Node) else nodes)
        for node in removed:
            if node.graph is not self:
                raise ValueError(f"{node} is not in this graph")
            if safe and not _is_unneeded(node, removed):
                raise ValueError(f"what {node} gives is needed")
        for node in removed:
            self._unlink(node)
            for index in range(len(node.inputs) if safe else 0):
                node.replace_input_with(index, None)

    def _insert(self, nodes: Iterable[Node], before: Node | None, after: Node | None) -> None:
        for node in list(nodes):
            if node.graph is not None:
                raise ValueError(f"{node} is in a graph already")
            self._name(node)
            node.graph = self
            self._link(before, node)
            before = node
        self._link(before, after)

    def _unlink(self, node: Node) -> None:
        self._link(node.preceding, node.following)
        node.graph = node.preceding = node.following = None

    def _link(self, before: Node | None, after: Node | None) -> None:
        """Makes these two neighbours; None is the beginning or the end."""
        if before is None:
            self._first = after
        else:
            before.following = after
        if after is None:
            self._last = before
        else:
            after.preceding = before
        self._listed = None

    # Names

    def _name(self, node: Node) -> None:
        """Gives a node and its values names, where they have none."""
        if node.name is None:
            names = (f"node_{node.op_type}_{number}" for number in self._numbers)
            node.name = next(name for name in names if name not in self._names)
        self._names.add(node.name)
        for value in node.outputs:
            if value.name is None:
                value.name = f"val_{next(self._numbers_of_values)}"

    def rename(self, value: Value, name: str) -> None:
        """Gives one of its values another name; a constant is listed under that then."""
        if self.initializers.get(str(value.name)) is value:
            del self.initializers[str(value.name)]
            self.initializers[name] = value
        value.name = name

    # Constants

    def register_initializer(self, value: Value) -> None:
        """Raises ValueError where another constant has its name, or it is none."""
        name = str(value.name)
        if value.const_value is None or self.initializers.get(name, value) is not value:
            raise ValueError(f"{name!r} is no constant, or the name of another one")
        self.initializers[name] = value


def _is_unneeded(node: Node, removed: dict[Node, None]) -> bool:
    """Whether nobody else reads what a node gives."""
    return not any(
        value.is_graph_output() or any(use.node not in removed for use in value.uses())
        for value in node.outputs
    )


class Function:
    """An operator that a file defines by a graph. Its attributes without a default have the value
    None."""

    def __init__(
        self,
        domain: str,
        name: str,
        overload: str = "",
        *,
        graph: Graph,
        attributes: Iterable[Attr] = (),
    ) -> None:
        self.domain, self.name, self.overload, self.graph = domain, name, overload, graph
        self.attributes = Attributes(attributes)
        self.opset_imports = graph.opset_imports

    def identifier(self) -> Identifier:
        return self.domain, self.name, self.overload

    def __iter__(self) -> Iterator[Node]:
        return iter(self.graph)

    def all_nodes(self) -> Iterator[Node]:
        return self.graph.all_nodes()


@dataclass
class Model:
    """A graph, the functions that its file defines, and what the file says of itself."""

    graph: Graph
    ir_version: int
    functions: dict[Identifier, Function] = field(default_factory=dict)
    metadata_props: dict[str, str] = field(default_factory=dict)
    producer_name: str = ""
    producer_version: str = ""

    @property
    def opset_imports(self) -> dict[str, int]:
        return self.graph.opset_imports
