"""Files that NumPy can feed: it has no bfloat16."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper


def feed_in_single(path: Path) -> None:
    """Has an ONNX file take and give float32 in the stead of bfloat16, and round to it, in place;
    names stay."""
    model = onnx.load_model(path, load_external_data=False)
    graph = model.graph
    inputs, outputs = (
        [value for value in values if value.type.tensor_type.elem_type == TensorProto.BFLOAT16]
        for values in (graph.input, graph.output)
    )
    if not inputs and not outputs:
        return
    rounded = {value.name: f"{value.name}/rounded" for value in (*inputs, *outputs)}
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [rounded.get(name, name) for name in names]
    casts = [
        helper.make_node("Cast", [v.name], [rounded[v.name]], to=TensorProto.BFLOAT16)
        for v in inputs
    ]
    nodes = [*casts, *graph.node]
    nodes += [
        helper.make_node("Cast", [rounded[v.name]], [v.name], to=TensorProto.FLOAT) for v in outputs
    ]
    del graph.node[:]
    graph.node.extend(nodes)
    for value in (*inputs, *outputs):
        value.type.tensor_type.elem_type = TensorProto.FLOAT
    onnx.save_model(model, path)
