"""What is told of the nodes of a graph that cannot be raised: by operator, in a few lines."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from bridge import ir
from bridge.errors import AND_HINT, UnsupportedError, UnsupportedOperatorError, plain
from bridge.graph.lifting.loops import MAX_NODES
from bridge.raising.values import describe, is_constant, name_of, operator_name

Key = TypeVar("Key")
Item = TypeVar("Item")

WIDTH = 78  # columns, behind the indent
MAX_GROUPS = 6  # told in full; the operators of the others are only named

# What the domains are whose operators people meet, and the way on.
_DOMAINS = {
    "com.microsoft": "com.microsoft has onnxruntime's own operators, which its optimisers write: "
    "convert the graph from before they ran",
    "com.ms.internal.nhwc": "com.ms.internal.nhwc is onnxruntime's own: convert the graph from "
    "before its optimisers ran",
    "ai.onnx.ml": "ai.onnx.ml has trees, vectorisers and the like, which are not nets: keep them "
    "before or behind the Keras model",
    "ai.onnx.preview.training": "ai.onnx.preview.training has steps of training: export for "
    "inference",
    "org.pytorch.aten": "org.pytorch.aten has calls into PyTorch: export with "
    "operator_export_type ONNX",
}


_LOOPS = (
    f"a loop is unrolled where its number of steps is known, to at most {MAX_NODES:,} nodes: fix "
    "sizes with --input-shape, or export the steps one by one"
)
_WAYS = {"Loop": _LOOPS, "Scan": _LOOPS}


def no_rule(nodes: Sequence[ir.Node]) -> UnsupportedOperatorError:
    """The refusal of nodes that have no rule."""
    groups = _grouped((operator_name(node), node) for node in nodes)
    lines = [_counted(operator, group) for operator, group in groups.items()]
    domains = dict.fromkeys(node.domain for node in nodes)
    ways = [_DOMAINS[domain] for domain in domains if domain in _DOMAINS]
    ways += dict.fromkeys(_WAYS[operator] for operator in groups if operator in _WAYS)
    ways.append(f"{_before(nodes[0])}ends the graph before them;")
    ways.append("a plug-in can add a rule with @bridge.raises(...)")
    return UnsupportedOperatorError(
        "no Keras rule for these nodes:",
        lines=_limited(lines, list(groups)),
        hint=AND_HINT.join(ways),
    )


def refused(refusals: Sequence[tuple[ir.Node, UnsupportedError]]) -> UnsupportedOperatorError:
    """The refusal of nodes that their rules refuse; those of one operator and reason are one."""
    groups = _grouped(((operator_name(node), _kind(why)), (node, why)) for node, why in refusals)
    lines = []
    for (operator, _), group in groups.items():
        nodes = [node for node, _ in group]
        lines.append(f"{plain(_counted(operator, nodes))}: {group[0][1]}")
    operators = [operator for operator, _ in groups]
    limited = _limited(lines, operators)
    return UnsupportedOperatorError(
        "these nodes cannot become Keras layers:",
        lines=[line for text in limited for line in text.split("\n")],
        hint=f"{_before(refusals[0][0])}ends the graph before them",
    )


def _grouped(pairs: Iterable[tuple[Key, Item]]) -> Mapping[Key, list[Item]]:
    groups: dict[Key, list[Item]] = defaultdict(list)
    for key, item in pairs:
        groups[key].append(item)
    return groups


def _kind(refusal: UnsupportedError) -> str:
    """The problem without the names and numbers of one node."""
    return re.sub(r"'[^']*'|\d+", "…", refusal.problem)


def _counted(operator: str, nodes: Sequence[ir.Node]) -> str:
    """One node in full; of several the number, and the names that a line has room for."""
    if len(nodes) == 1:
        return describe(nodes[0])
    head = f"{len(nodes)} × {operator}"
    names = [f"'{node.name or name_of(node.outputs[0])}'" for node in nodes]
    shown = names[:1]
    for name in names[1:]:
        if len(f"{head} (nodes {', '.join([*shown, name])}, …)") > WIDTH:
            break
        shown.append(name)
    rest = ", …" if len(shown) < len(names) else ""
    return f"{head} (nodes {', '.join(shown)}{rest})"


def _limited(lines: Sequence[str], operators: Sequence[str]) -> Sequence[str]:
    rest = list(dict.fromkeys(operators[MAX_GROUPS:]))
    if len(lines) <= MAX_GROUPS + 1:
        return lines
    return [*lines[:MAX_GROUPS], f"and {len(lines) - MAX_GROUPS} more: {_few(rest)}"]


def _few(names: Sequence[str], number: int = 8) -> str:
    return ", ".join([*islice(names, number), *(["…"] if len(names) > number else [])])


def _before(node: ir.Node) -> str:
    """The option that cuts the graph before a node."""
    tensors = [value for value in node.inputs if value is not None and not is_constant(value)]
    computed = [name_of(value) for value in tensors if value.producer() is not None]
    return f"--outputs {' '.join(dict.fromkeys(computed)) or 'NAME'} "
