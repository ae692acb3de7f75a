"""Functions that call functions: how many nodes the graph has once they are put in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import onnx

from bridge.errors import GraphError

# A function that calls the one before it twice doubles it: 30 such are a billion nodes.
MOST_NODES = 1_000_000

Name = tuple[str, str, str]


def refuse_too_many_nodes(model: onnx.ModelProto, path: Path) -> None:
    """Raises GraphError where the functions of a graph, put in where they are called, would be more
    than MOST_NODES nodes. Functions that call themselves are left to whoever puts them in."""
    functions = {(f.domain, f.name, f.overload): f for f in model.functions}
    calls = {name: [*_calls(function.node, functions)] for name, function in functions.items()}
    try:
        order = [*TopologicalSorter(calls).static_order()]
    except CycleError:
        return
    sizes: dict[Name, int] = {}
    for name in order:
        sizes[name] = _size(functions[name].node, sizes)
    if (size := _size(model.graph.node, sizes)) > MOST_NODES:
        raise GraphError(
            "its functions, which call each other, are too many nodes",
            where=path,
            expected=f"at most {MOST_NODES:,}",
            received=f"{size:,}" if size < 10**15 else "more than a million million thousand",
            hint="export the graph again, with its functions put in",
        )


def _size(nodes: Iterable[onnx.NodeProto], sizes: Mapping[Name, int]) -> int:
    return sum(sizes.get(_called(node), 1) for node in _all_nodes(nodes))


def _calls(nodes: Iterable[onnx.NodeProto], functions: Iterable[Name]) -> Iterator[Name]:
    known = set(functions)
    return (name for name in dict.fromkeys(map(_called, _all_nodes(nodes))) if name in known)


def _called(node: onnx.NodeProto) -> Name:
    return node.domain, node.op_type, node.overload


def _all_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """With those of branches and loops."""
    waiting = [*nodes]
    while waiting:
        node = waiting.pop()
        yield node
        for attribute in node.attribute:
            waiting += attribute.g.node
            waiting += (inner for graph in attribute.graphs for inner in graph.node)
