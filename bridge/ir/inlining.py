"""Functions, put in where they are called."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import count

from bridge.ir.cloning import copied_nodes
from bridge.ir.graph import Function, Graph, Identifier, Model
from bridge.ir.nodes import Node, Value
from bridge.ir.nodes import node as new_node
from bridge.ir.replacing import replace_nodes


def inline(model: Model) -> None:
    """Puts in every function of the model, also within branches, loops and other functions, and
    drops them from it. Names are kept, and numbered where they are taken.

    Raises ValueError for functions that call themselves, and for a call that does not fit: with too
    many inputs, with graphs as attributes, or of a function that is written in another opset.
    """
    _refuse_cycles(model.functions)
    _Inliner(model).inline_in(model.graph)
    model.functions.clear()


def _refuse_cycles(functions: Mapping[Identifier, Function]) -> None:
    calls = {
        name: {node.op_identifier() for node in function.all_nodes()} & functions.keys()
        for name, function in functions.items()
    }
    try:
        TopologicalSorter(calls).prepare()
    except CycleError as error:
        names = " -> ".join(f"{domain}::{name}" for domain, name, _ in error.args[1])
        raise ValueError(f"functions call themselves: {names}") from error


class _Inliner:
    def __init__(self, model: Model) -> None:
        self._functions, self._opsets = model.functions, model.opset_imports
        self._names_of_values: set[str] = set()
        self._names_of_nodes: set[str] = set()

    def inline_in(self, graph: Graph) -> None:
        nodes = list(graph)
        self._names_of_values |= {*graph.initializers, *(str(v.name) for v in graph.inputs)}
        self._names_of_values |= {v.name for node in nodes for v in node.outputs if v.name}
        self._names_of_nodes |= {node.name for node in nodes if node.name}
        waiting = nodes[::-1]
        while waiting:
            node = waiting.pop()
            function = self._functions.get(node.op_identifier())
            if function is not None:
                waiting += self._put_in(graph, node, function)[::-1]
                continue
            for inner in node.subgraphs():
                self.inline_in(inner)

    def _put_in(self, graph: Graph, node: Node, function: Function) -> list[Node]:
        self._refuse_unfit(node, function)
        defaults = {n: a for n, a in function.attributes.items() if a.value is not None}
        inputs = function.graph.inputs
        missing = [None] * (len(inputs) - len(node.inputs))
        arguments = dict(zip(inputs, [*node.inputs, *missing], strict=True))
        nodes, values = copied_nodes(function.graph, arguments, {**defaults, **node.attributes})
        for copy in nodes:
            copy.name = _unique(copy.name or "node", self._names_of_nodes)
            for value in copy.outputs:
                value.name = value.name and _unique(value.name, self._names_of_values)
        results: list[Value] = []
        for output in function.graph.outputs[: len(node.outputs)]:
            result = values[output]
            # What a function hands on, or gives twice, needs a name of its own.
            if result is None or result.producer() not in nodes or result in results:
                nodes.append(new_node("Identity", [result]))
                result = nodes[-1].outputs[0]
            results.append(result)
        replace_nodes(graph, [node], nodes, node.outputs, results)
        return nodes

    def _refuse_unfit(self, node: Node, function: Function) -> None:
        where = f"the call {node.name!r} of the function {function.name!r}"
        for domain, version in function.opset_imports.items():
            if self._opsets.setdefault(domain, version) != version:
                raise ValueError(f"{where} has another opset of {domain!r} than the graph")
        if len(node.inputs) > len(function.graph.inputs):
            raise ValueError(f"{where} has too many inputs")
        if len(node.outputs) > len(function.graph.outputs):
            raise ValueError(f"{where} has too many outputs")
        if next(node.subgraphs(), None) is not None:
            raise ValueError(f"{where} has a graph as an attribute")


def _unique(name: str, taken: set[str]) -> str:
    names = (name if number == 1 else f"{name}_{number}" for number in count(1))
    free = next(name for name in names if name not in taken)
    taken.add(free)
    return free
