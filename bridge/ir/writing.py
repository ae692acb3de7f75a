"""Messages of graphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import onnx
from onnx import AttributeProto, TensorProto

from bridge.ir.attributes import Attr, AttributeType
from bridge.ir.graph import Function, Graph, Model
from bridge.ir.nodes import Node, Value
from bridge.ir.tensors import TensorBase, write_tensor
from bridge.ir.types import write_type

Constants = Callable[[TensorBase, str], "TensorProto | None"]
"""How a constant is written under its name: None leaves out its numbers."""


def to_proto(model: Model, constants: Constants = write_tensor) -> onnx.ModelProto:
    """The whole model as one message, with its constants as a function writes them."""
    proto = onnx.ModelProto(
        ir_version=model.ir_version,
        producer_name=model.producer_name or None,
        producer_version=model.producer_version or None,
    )
    for domain, version in sorted(model.opset_imports.items()):
        proto.opset_import.add(domain=domain, version=version)
    for key, value in model.metadata_props.items():
        proto.metadata_props.add(key=key, value=value)
    write_graph(proto.graph, model.graph, constants)
    for function in model.functions.values():
        _write_function(proto.functions.add(), function)
    return proto


def write_graph(proto: onnx.GraphProto, graph: Graph, constants: Constants = write_tensor) -> None:
    """Fills in an empty message. A constant whose numbers are left out is an input."""
    proto.name = graph.name or ""
    listed = set(graph.inputs)
    for value in graph.inputs:
        _write_value(proto.input.add(), value)
    for name, value in graph.initializers.items():
        tensor = None if value.const_value is None else constants(value.const_value, name)
        if tensor is not None:
            proto.initializer.append(tensor)
        if value not in listed:
            _write_value((proto.input if tensor is None else proto.value_info).add(), value)
    for node in graph:
        write_node(proto.node.add(), node)
        for value in node.outputs:
            if value.name and value.type is not None and not value.is_graph_output():
                _write_value(proto.value_info.add(), value)
    for value in graph.outputs:
        _write_value(proto.output.add(), value)


def _write_value(proto: onnx.ValueInfoProto, value: Value) -> None:
    proto.name = value.name or ""
    if value.type is not None:
        write_type(proto.type, value.type, value.shape)


def _write_function(proto: onnx.FunctionProto, function: Function) -> None:
    proto.domain, proto.name = function.domain, function.name
    if function.overload:
        proto.overload = function.overload
    for domain, version in sorted(function.opset_imports.items()):
        proto.opset_import.add(domain=domain, version=version)
    proto.input.extend(str(value.name) for value in function.graph.inputs)
    proto.output.extend(str(value.name) for value in function.graph.outputs)
    for attribute in function.attributes.values():
        if attribute.value is None:
            proto.attribute.append(attribute.name)
        else:
            _write_attribute(proto.attribute_proto.add(), attribute)
    for node in function:
        write_node(proto.node.add(), node)


def node_proto(node: Node) -> onnx.NodeProto:
    proto = onnx.NodeProto()
    write_node(proto, node)
    return proto


def write_node(proto: onnx.NodeProto, node: Node) -> None:
    """Fills in an empty message; the outputs that a node omits at its end are not written."""
    proto.op_type = node.op_type
    if node.name:
        proto.name = node.name
    if node.domain:
        proto.domain = node.domain
    if node.overload:
        proto.overload = node.overload
    proto.input.extend(["" if value is None else value.name or "" for value in node.inputs])
    names = [value.name or "" for value in node.outputs]
    while names and not names[-1]:
        names.pop()
    proto.output.extend(names)
    for attribute in node.attributes.values():
        _write_attribute(proto.attribute.add(), attribute)


def _write_attribute(proto: AttributeProto, attribute: Attr) -> None:
    proto.name, proto.type = attribute.name, int(attribute.type)  # type: ignore[assignment]
    if attribute.refers_to:
        proto.ref_attr_name = attribute.refers_to
    else:
        _WRITERS[attribute.type](proto, attribute.value)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _write_text(proto: AttributeProto, text: str | bytes) -> None:
    proto.s = _bytes(text)


def _write_float(proto: AttributeProto, number: float) -> None:
    proto.f = number


def _write_int(proto: AttributeProto, number: int) -> None:
    proto.i = number


def _write_graphs(proto: AttributeProto, graphs: tuple[Graph, ...]) -> None:
    for graph in graphs:
        write_graph(proto.graphs.add(), graph)


_WRITERS: Mapping[AttributeType, Callable[[AttributeProto, Any], Any]] = {
    AttributeType.UNDEFINED: lambda _, __: None,
    AttributeType.FLOAT: _write_float,
    AttributeType.INT: _write_int,
    AttributeType.STRING: _write_text,
    AttributeType.TENSOR: lambda proto, value: proto.t.CopyFrom(write_tensor(value)),
    AttributeType.GRAPH: lambda proto, value: write_graph(proto.g, value),
    AttributeType.FLOATS: lambda proto, value: proto.floats.extend(value),
    AttributeType.INTS: lambda proto, value: proto.ints.extend(value),
    AttributeType.STRINGS: lambda proto, value: proto.strings.extend(map(_bytes, value)),
    AttributeType.TENSORS: lambda proto, value: proto.tensors.extend(map(write_tensor, value)),
    AttributeType.GRAPHS: _write_graphs,
    AttributeType.TYPE_PROTO: lambda proto, value: proto.tp.CopyFrom(value),
    AttributeType.TYPE_PROTOS: lambda proto, value: proto.type_protos.extend(value),
}
