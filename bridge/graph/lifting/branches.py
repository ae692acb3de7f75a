"""An If whose condition is a constant: only one of its branches is ever computed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir as ir


def take_branches(model: ir.Model) -> bool:
    """Replaces every such If by the branch that its condition takes; whether there was one."""
    decided = {node: _condition(node) for node in model.graph}
    for node, condition in decided.items():
        if condition is not None:
            _take(model.graph, node, "then_branch" if condition else "else_branch")
    return any(condition is not None for condition in decided.values())


def _condition(node: ir.Node) -> bool | None:
    condition = node.inputs[0] if node.op_type == "If" and not node.domain else None
    if condition is None or condition.const_value is None or condition.const_value.size != 1:
        return None
    return bool(condition.const_value.numpy().item())


def _take(graph: ir.Graph, node: ir.Node, name: str) -> None:
    import onnx_ir as ir

    branch = node.attributes[name].as_graph()
    nodes, results = list(branch), list(branch.outputs)
    constants = list(branch.initializers.values())
    branch.outputs.clear()
    branch.initializers.clear()
    branch.remove(nodes)
    taken = _names(graph)
    for value in (*constants, *(value for node in nodes for value in node.outputs)):
        if value.name:
            value.name = next(name for name in _names_like(value.name) if name not in taken)
            taken.add(value.name)
    for constant in constants:
        graph.register_initializer(constant)
    for index, result in enumerate(results):
        # What the branch passes on has a name of its own, and what it gives twice needs two.
        if result.producer() not in nodes or result in results[:index]:
            nodes.append(ir.node("Identity", [result]))
            results[index] = nodes[-1].outputs[0]
    ir.convenience.replace_nodes_and_values(graph, node, [node], nodes, node.outputs, results)


def _names(graph: ir.Graph) -> set[str | None]:
    results = (value.name for node in graph for value in node.outputs)
    return {*graph.initializers, *(value.name for value in graph.inputs), *results}


def _names_like(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in count(2))
