"""If: the branch that a constant condition takes, or both, of which a computed one selects."""

from __future__ import annotations

from bridge import ir

BRANCHES = ("then_branch", "else_branch")
_WITH_GRAPHS = frozenset(("If", "Loop", "Scan", "SequenceMap"))


def take_branches(model: ir.Model) -> bool:
    """Replaces every such If by the branch that its condition takes; whether there was one."""
    conditions = ((node, _condition(node)) for node in model.graph)
    decided = {node: condition for node, condition in conditions if condition is not None}
    names = _Names(model.graph)
    for node, condition in decided.items():
        _take(model.graph, node, "then_branch" if condition else "else_branch", names)
    return bool(decided)


def select_results(model: ir.Model) -> bool:
    """Replaces every other If by both its branches and a Where for each result; whether there was
    one.

    Stays as it is: an If that has another within, or whose branches' results differ in shape or
    dtype, or are not known in it. Where leaves out what the other branch computes, NaN as well.
    """
    chosen = [node for node in model.graph if node.op_type == "If" and _is_selection(node)]
    names = _Names(model.graph)
    for node in chosen:
        _select(model.graph, node, names)
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


def _select(graph: ir.Graph, node: ir.Node, names: _Names) -> None:
    condition = node.inputs[0]
    chosen, other = (_inlined(graph, node, name, names) for name in BRANCHES)
    pairs = zip(chosen[1], other[1], strict=True)
    wheres = [ir.node("Where", [condition, *pair]) for pair in pairs]
    nodes = [*chosen[0], *other[0], *wheres]
    results = [where.outputs[0] for where in wheres]
    for result, value in zip(results, node.outputs, strict=True):
        result.shape, result.type = value.shape, value.type
    ir.replace_nodes(graph, [node], nodes, node.outputs, results)


def _condition(node: ir.Node) -> bool | None:
    condition = node.inputs[0] if node.op_type == "If" and not node.domain else None
    if condition is None or condition.const_value is None or condition.const_value.size != 1:
        return None
    return bool(condition.const_value.numpy().item())


def _take(graph: ir.Graph, node: ir.Node, name: str, names: _Names) -> None:
    nodes, results = _inlined(graph, node, name, names)
    ir.replace_nodes(graph, [node], nodes, node.outputs, results)


def _inlined(
    graph: ir.Graph, node: ir.Node, name: str, names: _Names
) -> tuple[list[ir.Node], list[ir.Value]]:
    """The nodes of a branch, and its results, with names that are not taken yet."""
    branch = node.attributes[name].as_graph()
    nodes, results = list(branch), list(branch.outputs)
    constants = list(branch.initializers.values())
    branch.outputs.clear()
    branch.initializers.clear()
    branch.remove(nodes)
    for value in (*constants, *(value for node in nodes for value in node.outputs)):
        if value.name:
            value.name = names.new(value.name)
    for constant in constants:
        graph.register_initializer(constant)
    for index, result in enumerate(results):
        # What the branch passes on has a name of its own, and what it gives twice needs two.
        if result.producer() not in nodes or result in results[:index]:
            nodes.append(ir.node("Identity", [result]))
            results[index] = nodes[-1].outputs[0]
    return nodes, results


class _Names:
    """The names of a graph's values, and new ones like them."""

    def __init__(self, graph: ir.Graph) -> None:
        results = (value.name for node in graph for value in node.outputs)
        self._taken = {*graph.initializers, *(value.name for value in graph.inputs), *results}
        self._numbers: dict[str, int] = {}

    def new(self, name: str) -> str:
        """The name itself, or numbered where it is taken."""
        new, number = name, self._numbers.get(name, 1)
        while new in self._taken:
            number += 1
            new = f"{name}_{number}"
        self._numbers[name] = number
        self._taken.add(new)
        return new
