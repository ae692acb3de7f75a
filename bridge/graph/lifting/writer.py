"""Writing the nodes that stand for another one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np

from bridge import ir
from bridge.errors import UnsupportedError
from bridge.graph.invariants import where_of
from bridge.types import Array

Rewrite = Callable[["Writer", "ir.Node"], Sequence["ir.Value"]]

Attribute = int | float | str | Sequence[int] | Sequence[float]


class Writer:
    """Collects the nodes for one node that they replace, with names that begin with its own."""

    def __init__(self, node: ir.Node) -> None:
        self.nodes: list[ir.Node] = []
        self._name = node.name or node.outputs[0].name or node.op_type

    def op(
        self, kind: str, *inputs: ir.Value | None, **attributes: Attribute
    ) -> Sequence[ir.Value]:
        """The results of a new node, which has one."""
        converted = ir.attributes_of(attributes)
        return self._added(ir.Node("", kind, inputs, converted, num_outputs=1))

    def one(self, kind: str, *inputs: ir.Value | None, **attributes: Attribute) -> ir.Value:
        return self.op(kind, *inputs, **attributes)[0]

    def again(
        self,
        node: ir.Node,
        inputs: Sequence[ir.Value | None] | None = None,
        without: Collection[str] = (),
        kind: str = "",
        **attributes: Attribute,
    ) -> Sequence[ir.Value]:
        """The results of the same node with other inputs, without some of its attributes and with
        others."""
        kept = [attribute for name, attribute in node.attributes.items() if name not in without]
        converted = [*kept, *ir.attributes_of(attributes)]
        inputs = node.inputs if inputs is None else inputs
        new = ir.Node("", kind or node.op_type, inputs, converted, num_outputs=len(node.outputs))
        return self._added(new)

    def constant(self, array: Array | Sequence[int]) -> ir.Value:
        tensor = ir.Tensor(np.asarray(array, None if isinstance(array, np.ndarray) else np.int64))
        return self._added(ir.Node("", "Constant", [], [ir.attribute("value", tensor)]))[0]

    def like(self, x: ir.Value | None, number: float) -> ir.Value:
        """A constant number of a tensor's dtype, float32 where that is not known."""
        dtype = np.float32 if x is None or x.dtype is None else x.dtype.numpy()
        return self.constant(np.asarray(number, dtype))

    def put(self, nodes: Sequence[ir.Node], number: int) -> None:
        """Takes nodes as they are, under names that end with a number; their shapes are open."""
        for node in nodes:
            node.name = f"{self._name}/{node.name or node.op_type.lower()}.{number}"
            for value in node.outputs:
                value.name = f"{self._name}/{value.name}.{number}" if value.name else value.name
                value.shape = None
        self.nodes += nodes

    def _added(self, node: ir.Node) -> Sequence[ir.Value]:
        number, kind = len(self.nodes), node.op_type.lower()
        self.nodes.append(node)
        node.name = f"{self._name}/{kind}.{number}"
        for index, value in enumerate(node.outputs):
            value.name = f"{self._name}/{kind}.{number}.{index}"
        return list(node.outputs)


def rewrite(node: ir.Node, by: Rewrite) -> None:
    """Replaces a node by those that a function writes for it; the last has its name, if none has
    it. Raises UnsupportedError, with the node, where the function does."""
    writer = Writer(node)
    try:
        results = by(writer, node)
    except UnsupportedError as refusal:
        raise UnsupportedError(
            refusal.problem,
            where=where_of(node),
            expected=refusal.expected,
            received=refusal.received,
            hint=refusal.hint,
        ) from None
    graph = node.graph
    if graph is None:
        raise ValueError("the node is in no graph")
    last = results[0].producer()
    if last is not None and all(new.name != node.name for new in writer.nodes):
        last.name = node.name
    for old, new in zip(node.outputs, results, strict=True):
        new.type, new.shape = new.type or old.type, new.shape or old.shape
    ir.replace_nodes(graph, [node], writer.nodes, node.outputs, results)
