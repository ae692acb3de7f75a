"""What tf2onnx leaves, as one would write it: constant shapes, and PRelu with its own slopes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx

from bridge.graph.passes import simplify
from bridge.raising.fusion import respell, take_biases_in, unshaped

if TYPE_CHECKING:
    import onnx_ir as ir


def tidied(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The same computation, in fewer nodes, with the shapes that ONNX can infer."""
    import onnx_ir as ir
    from onnx_ir.passes.common import RemoveUnusedNodesPass

    model = simplify(ir.from_proto(proto))
    respell(model.graph)
    take_biases_in(model.graph)
    _end_before_idle_reshapes(model.graph)
    RemoveUnusedNodesPass()(model)
    _infer_shapes_again(model)
    return ir.to_proto(model)


def _end_before_idle_reshapes(graph: ir.Graph) -> None:
    """tf2onnx writes a transpose of one place as a Reshape, before outputs as well."""
    for result in list(graph.outputs):
        node = result.producer()
        x = None if node is None else unshaped(node)
        if node is None or x is None or x.producer() is None or x.is_graph_output():
            continue
        name, x.shape = result.name, result.shape
        result.replace_all_uses_with(x, replace_graph_outputs=True)
        graph.remove(node, safe=True)
        x.name = name


def _infer_shapes_again(model: ir.Model) -> None:
    """Behind what was a Reshape a free size has lost its name."""
    from onnx_ir.passes.common import ShapeInferencePass

    for node in model.graph:
        for value in node.outputs:
            if not value.is_graph_output():
                value.shape = None
    ShapeInferencePass(check_type=False, strict_mode=False)(model)
