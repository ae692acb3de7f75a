"""If: the branch that a constant condition takes, or both, of which a computed one selects."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir as ir


BRANCHES = ("then_branch", "else_branch")
_WITH_GRAPHS = frozenset(("If", "Loop", "Scan", "SequenceMap"))


def take_branches(model: ir.Model) -> bool:
    """Replaces every such If by the branch that its condition takes; whether there was one."""
    decided = {node: _condition(node) for node in model.graph}
    for node, condition in decided.items():
        if condition is not None:
            _take(model.graph, node, "then_branch" if condition else "else_branch")
    return any(condition is not None for condition in decided.values())


def select_results(model: ir.Model) -> bool:
    """Replaces every other If by both its branches and a Where for each result; whether there was
    one.

    Stays as it is: an If that has another within, or whose branches' results differ in shape or
    dtype, or are not known in it. Where leaves out what the other branch computes, NaN as well.
    """
    chosen = [node for node in model.graph if node.op_type == "If" and _is_selection(node)]
    for node in chosen:
        _select(model.graph, node)
    return bool(chosen)


def _is_selection(node: ir.Node) -> bool:
    condition = node.inputs[0]
    if node.domain or condition is None or condition.const_value is not None:
        return False
    one, other = (node.attributes[name].as_graph() for name in BRANCHES)
    if any(inner.op_type in _WITH_GRAPHS for branch in (one, other) for inner in branch):
        return False
    return all(map(_are_alike, one.outputs, other.outputs))


def _are_alike(one: ir.Value, other: ir.Value) -> bool:
    shape = one.shape
    known = shape is not None and other.shape is not None and shape == other.shape
    # Two sizes without names may differ, and Where would broadcast them.
    named = known and all(isinstance(size, int) or size.value for size in shape or ())
    return named and one.dtype is not None and one.dtype == other.dtype


def _select(graph: ir.Graph, node: ir.Node) -> None:
    import onnx_ir as ir

    taken, condition = _names(graph), node.inputs[0]
    chosen, other = (_inlined(graph, node, name, taken) for name in BRANCHES)
    pairs = zip(chosen[1], other[1], strict=True)
    wheres = [ir.node("Where", [condition, *pair]) for pair in pairs]
    nodes = [*chosen[0], *other[0], *wheres]
    results = [where.outputs[0] for where in wheres]
    for result, value in zip(results, node.outputs, strict=True):
        result.shape, result.type = value.shape, value.type
    ir.convenience.replace_nodes_and_values(graph, node, [node], nodes, node.outputs, results)


def _condition(node: ir.Node) -> bool | None:
    condition = node.inputs[0] if node.op_type == "If" and not node.domain else None
    if condition is None or condition.const_value is None or condition.const_value.size != 1:
        return None
    return bool(condition.const_value.numpy().item())


def _take(graph: ir.Graph, node: ir.Node, name: str) -> None:
    import onnx_ir as ir

    nodes, results = _inlined(graph, node, name, _names(graph))
    ir.convenience.replace_nodes_and_values(graph, node, [node], nodes, node.outputs, results)


def _inlined(
    graph: ir.Graph, node: ir.Node, name: str, taken: set[str | None]
) -> tuple[list[ir.Node], list[ir.Value]]:
    """The nodes of a branch, and its results, with names that are not taken yet."""
    import onnx_ir as ir

    branch = node.attributes[name].as_graph()
    nodes, results = list(branch), list(branch.outputs)
    constants = list(branch.initializers.values())
    branch.outputs.clear()
    branch.initializers.clear()
    branch.remove(nodes)
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
    return nodes, results


def _names(graph: ir.Graph) -> set[str | None]:
    results = (value.name for node in graph for value in node.outputs)
    return {*graph.initializers, *(value.name for value in graph.inputs), *results}


def _names_like(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in count(2))
