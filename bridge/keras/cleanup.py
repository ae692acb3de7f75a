"""Cleans up after tf2onnx: constant shapes, and PRelu with its own slopes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper

from bridge import ir
from bridge.graph.fusion import canonicalize, take_biases_in, unshaped
from bridge.graph.passes import simplify


def cleaned_up(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The same computation, in fewer nodes, with the shapes that ONNX can infer."""
    _spell_out_erfc(proto.graph)
    model = simplify(ir.from_proto(proto))
    canonicalize(model.graph)
    take_biases_in(model.graph)
    _normalize_vectors(model.graph)
    _end_before_idle_reshapes(model.graph)
    ir.remove_unused(model)
    _infer_shapes_again(model)
    return ir.to_proto(model)


def _spell_out_erfc(graph: onnx.GraphProto) -> None:
    """Writes the erfc of an exact GELU, for which ONNX has no operator, as exporters do:
    erfc(-x · a) = 1 + erf(x · a), and erfc(x) = 1 - erf(x)."""
    producers = {name: node for node in graph.node for name in node.output}
    nodes = []
    for node in graph.node:
        if node.op_type != "Erfc":
            nodes.append(node)
            continue
        name, x = node.output[0], node.input[0]
        one, product, erf = (f"{name}/{part}" for part in ("one", "product", "erf"))
        graph.initializer.append(numpy_helper.from_array(np.array(1, np.float32), one))
        factors = _negated_product(producers, x)
        if factors is not None:
            nodes.append(helper.make_node("Mul", factors, [product], product))
        nodes.append(helper.make_node("Erf", [x if factors is None else product], [erf], erf))
        kind, operands = ("Sub", [one, erf]) if factors is None else ("Add", [erf, one])
        nodes.append(helper.make_node(kind, operands, [name], node.name))
    del graph.node[:]
    graph.node.extend(nodes)


def _negated_product(producers: Mapping[str, onnx.NodeProto], name: str) -> list[str] | None:
    """x and a, if this is the product of -x and a."""
    product = producers.get(name)
    negated = None if product is None else producers.get(product.input[0])
    if product is None or negated is None or (product.op_type, negated.op_type) != ("Mul", "Neg"):
        return None
    return [negated.input[0], product.input[1]]


def _normalize_vectors(graph: ir.Graph) -> None:
    """Removes the reshapes around a BatchNormalization of vectors: only TensorFlow's operator needs
    images."""
    for norm in list(graph):
        before = norm.inputs[0].producer() if norm.inputs and norm.inputs[0] else None
        consumers = norm.outputs[0].consumers()
        if norm.op_type != "BatchNormalization" or before is None or len(consumers) != 1:
            continue
        x, result = before.inputs[0], consumers[0].outputs[0]
        if {before.op_type, consumers[0].op_type} == {"Reshape"} and _is_matrix(x, result):
            norm.replace_input_with(0, x)
            _end_with(norm.outputs[0], result)


def _is_matrix(*values: ir.Value | None) -> bool:
    return all(
        value is not None and value.shape is not None and len(value.shape) == 2 for value in values
    )


def _end_before_idle_reshapes(graph: ir.Graph) -> None:
    """tf2onnx writes a transpose that moves only an axis of 1 as a Reshape, before outputs too."""
    for result in list(graph.outputs):
        node = result.producer()
        x = None if node is None else unshaped(node)
        if node is None or x is None or x.producer() is None or x.is_graph_output():
            continue
        _end_with(x, result)


def _end_with(value: ir.Value, result: ir.Value) -> None:
    """Replaces the result of a consumer by its input, under the result's name if that is an output
    of the graph."""
    name, node = result.name, result.producer()
    is_output, value.shape = result.is_graph_output(), result.shape
    result.replace_all_uses_with(value, replace_graph_outputs=True)
    if node is not None and node.graph is not None:
        node.graph.remove(node, safe=True)
    if is_output:
        value.name = name


def _infer_shapes_again(model: ir.Model) -> None:
    """A free size has lost its name after what was a Reshape."""
    for node in model.graph:
        for value in node.outputs:
            if not value.is_graph_output():
                value.shape = None
    ir.infer_shapes(model)
