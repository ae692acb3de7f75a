"""Constants as initializers, and nodes that nobody needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import onnx

from bridge.ir.attributes import Attr
from bridge.ir.graph import Graph, Model
from bridge.ir.nodes import Node, Value
from bridge.ir.tensors import ProtoTensor, Tensor, TensorBase
from bridge.ir.types import tensor_type

_ONNX = ("", "ai.onnx")


def lift_constants(model: Model) -> None:
    """Makes every Constant an initializer of its graph, but for those that the graph gives."""
    for node in list(model.graph.all_nodes()):
        if node.op_type != "Constant" or node.domain not in _ONNX or len(node.attributes) != 1:
            continue
        result, graph = node.outputs[0], node.graph
        if graph is not None and not result.is_graph_output():
            tensor = _tensor(*node.attributes.values())
            constant = Value(
                result.name,
                shape=tensor.shape,
                type=tensor_type(tensor.dtype),
                const_value=tensor,
            )
            graph.register_initializer(constant)
            result.replace_all_uses_with(constant)
            graph.remove(node, safe=True)


def _tensor(attribute: Attr) -> TensorBase:
    if attribute.name == "value":
        return attribute.as_tensor()
    return _TENSORS[attribute.name](attribute)


def _texts(attribute: Attr) -> TensorBase:
    texts = np.asarray(attribute.value, object)
    return ProtoTensor(onnx.numpy_helper.from_array(texts))


_TENSORS: Mapping[str, Callable[[Attr], TensorBase]] = {
    "value_int": lambda attribute: Tensor(np.asarray(attribute.as_int(), np.int64)),
    "value_ints": lambda attribute: Tensor(np.asarray(attribute.as_ints(), np.int64)),
    "value_float": lambda attribute: Tensor(np.asarray(attribute.as_float(), np.float32)),
    "value_floats": lambda attribute: Tensor(np.asarray(attribute.as_floats(), np.float32)),
    "value_string": _texts,
    "value_strings": _texts,
}


def remove_unused(model: Model) -> None:
    """Drops the nodes and constants that lead to no output of the graph, and of other nodes the
    outputs that nobody reads, where ONNX lets them be omitted."""
    graph = model.graph
    _remove_unused_nodes(graph, model.opset_imports.get(""))
    for name, value in list(graph.initializers.items()):
        if not (value.uses() or value.is_graph_output() or value.is_graph_input()):
            del graph.initializers[name]


def _remove_unused_nodes(graph: Graph, opset: int | None) -> None:
    for node in reversed(list(graph)):
        if not any(value.uses() or value.is_graph_output() for value in node.outputs):
            graph.remove(node, safe=True)
            continue
        present = [index for index, value in enumerate(node.inputs) if value is not None]
        node.drop_inputs(present[-1] + 1 if present else 0)
        if opset is not None and node.domain in _ONNX:
            _omit_outputs(node, opset)
        for inner in node.subgraphs():
            _remove_unused_nodes(inner, opset)


def _omit_outputs(node: Node, opset: int) -> None:
    if node.op_type == "BatchNormalization" and not _is_inference(node, opset):
        return  # the number of its outputs says that it trains
    optional = _optional_outputs(node, opset) if len(node.outputs) > 1 else ()
    for index, value in enumerate(node.outputs):
        if index in optional and not value.uses() and not value.is_graph_output():
            value.name = ""
    named = [index for index, value in enumerate(node.outputs) if value.name]
    node.drop_outputs(named[-1] + 1 if named else 0)


def _is_inference(node: Node, opset: int) -> bool:
    """Whether a BatchNormalization is known not to train; what says so goes."""
    training = node.attributes.get("training_mode")
    if opset < 14 or (training is not None and training.as_int()):
        return False
    node.attributes.pop("training_mode", None)
    return True


def _optional_outputs(node: Node, opset: int) -> frozenset[int]:
    """Their indices; none of an operator that has any number of outputs."""
    try:
        outputs = onnx.defs.get_schema(node.op_type, opset, "").outputs
    except onnx.defs.SchemaError:
        return frozenset()
    kinds = [output.option for output in outputs]
    kind = onnx.defs.OpSchema.FormalParameterOption
    if kind.Variadic in kinds:
        return frozenset()
    return frozenset(index for index, option in enumerate(kinds) if option == kind.Optional)
