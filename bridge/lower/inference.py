"""`--inference`: leave out what only training needs, Dropout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import onnx

from bridge.lower.model import LoweredModel


def dropouts(model: LoweredModel) -> Iterator[onnx.NodeProto]:
    return (node for node in model.proto.graph.node if node.op_type == "Dropout")


def without_dropouts(model: LoweredModel) -> LoweredModel:
    """The model without them: what is before one writes its result, and has its name. Where that
    is an input or an output, whose name has to stay, an Identity replaces the Dropout."""
    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    graph = proto.graph
    fixed = {entry.name for entry in (*graph.input, *graph.output)}
    removed = set[str]()
    for node in [node for node in graph.node if node.op_type == "Dropout"]:
        before, after = node.input[0], node.output[0]
        if before in fixed:
            node.CopyFrom(onnx.helper.make_node("Identity", [before], [after], name=node.name))
            continue
        graph.node.remove(node)
        removed.add(before)
        for other in graph.node:
            for names in (other.input, other.output):
                names[:] = [after if name == before else name for name in names]
    kept = [value for value in graph.value_info if value.name not in removed]
    del graph.value_info[:]
    graph.value_info.extend(kept)
    used = {name for node in graph.node for name in node.input}
    return replace(
        model,
        proto=proto,
        weights={name: weight for name, weight in model.weights.items() if name in used},
        values={name: shape for name, shape in model.values.items() if name not in removed},
    )
