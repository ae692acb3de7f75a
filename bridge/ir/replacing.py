"""Nodes in the stead of others."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.ir.graph import Graph
from bridge.ir.nodes import Node, Value


def replace_nodes(
    graph: Graph,
    old: Sequence[Node],
    new: Sequence[Node],
    values: Sequence[Value],
    results: Sequence[Value],
) -> None:
    """Puts the new nodes behind the last of the old, which it takes out. The results are called as
    these values were, have their types as far as these are known, and are read in their stead."""
    for value, result in zip(values, results, strict=True):
        result.type = value.type or result.type
        result.shape = result.shape if value.shape is None else value.shape
        result.const_value = value.const_value or result.const_value
        result.name = result.name if value.name is None else value.name
        value.replace_all_uses_with(result, replace_graph_outputs=True)
    graph.insert_after(old[-1], new)
    graph.remove(old, safe=True)
