"""Graphs from their messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import onnx
from onnx import AttributeProto

from bridge.ir.attributes import Attr, AttributeType
from bridge.ir.graph import Function, Graph, Model
from bridge.ir.nodes import Node, Value
from bridge.ir.tensors import tensor_of
from bridge.ir.types import shape_of, tensor_type, type_of

Scopes = list[dict[str, Value]]
"""The values by name: of the whole graph first, of the innermost branch or loop last."""


class InvalidModelError(ValueError):
    """A message that is no graph."""


def from_proto(proto: onnx.ModelProto) -> Model:
    """The graph of a file, as the file has it: what it says wrongly of shapes stays, and a node may
    read what there is not. No number of a constant is read.

    Raises InvalidModelError where values have one name, and for what is not supported: sparse
    tensors, maps, and dtypes of a newer ONNX.
    """
    try:
        return _model(proto)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidModelError(str(error)) from error


def _model(proto: onnx.ModelProto) -> Model:
    graph = _graph(proto.graph, [])
    graph.opset_imports.update({opset.domain: opset.version for opset in proto.opset_import})
    functions = [function_of(function) for function in proto.functions]
    return Model(
        graph,
        proto.ir_version,
        {function.identifier(): function for function in functions},
        {entry.key: entry.value for entry in proto.metadata_props},
        proto.producer_name,
        proto.producer_version,
    )


def _graph(proto: onnx.GraphProto, outer: Scopes) -> Graph:
    types = {info.name: info for info in proto.value_info}
    inputs = [_typed(Value(info.name), info) for info in proto.input]
    values = {str(value.name): value for value in inputs}
    scopes = [*outer, values]
    constants = [_constant(tensor, values, types) for tensor in proto.initializer if tensor.name]
    for node in proto.node:
        _declare_outputs(node, values, types)
    nodes = [_node(node, scopes) for node in proto.node]
    # What no node gives is refused later, see bridge/graph/invariants.py.
    outputs = [_typed(values.get(info.name) or Value(info.name), info) for info in proto.output]
    return Graph(inputs, outputs, nodes=nodes, initializers=constants, name=proto.name)


def _typed(value: Value, info: onnx.ValueInfoProto) -> Value:
    value.type, value.shape = type_of(info.type), shape_of(info.type)
    return value


def _constant(
    proto: onnx.TensorProto, values: dict[str, Value], types: Mapping[str, onnx.ValueInfoProto]
) -> Value:
    """An initializer; that of an input is the input itself."""
    tensor = tensor_of(proto)
    value = values.get(proto.name)
    if value is None:
        value = Value(proto.name, shape=tensor.shape, type=tensor_type(tensor.dtype))
        if proto.name in types:
            _typed(value, types[proto.name])
        values[proto.name] = value
    value.const_value = tensor
    return value


def _declare_outputs(
    node: onnx.NodeProto, values: dict[str, Value], types: Mapping[str, onnx.ValueInfoProto]
) -> None:
    for name in filter(None, node.output):
        if name in values:
            raise ValueError(
                f"two values are called {name!r}: node {node.name!r} gives one of them"
            )
        values[name] = Value(name)
        if name in types:
            _typed(values[name], types[name])


def _node(proto: onnx.NodeProto, scopes: Scopes) -> Node:
    own = scopes[-1]
    return Node(
        proto.domain,
        proto.op_type,
        [_value(name, scopes) if name else None for name in proto.input],
        [_attribute(attribute, scopes) for attribute in proto.attribute],
        overload=proto.overload,
        outputs=[own[name] if name else Value("") for name in proto.output],
        name=proto.name,
    )


def _value(name: str, scopes: Scopes) -> Value:
    for scope in reversed(scopes):
        if name in scope:
            return scope[name]
    scopes[-1][name] = Value(name)  # read before there is one
    return scopes[-1][name]


def attribute_of(proto: AttributeProto) -> Attr:
    """An attribute of a node that is in no graph."""
    return _attribute(proto, [])


def _attribute(proto: AttributeProto, scopes: Scopes) -> Attr:
    kind = AttributeType(proto.type)
    if proto.ref_attr_name:
        return Attr(proto.name, kind, None, proto.ref_attr_name)
    if kind in (AttributeType.GRAPH, AttributeType.GRAPHS):
        protos = [proto.g] if kind is AttributeType.GRAPH else proto.graphs
        graphs = tuple(_graph(graph, scopes) for graph in protos)
        return Attr(proto.name, kind, graphs[0] if kind is AttributeType.GRAPH else graphs)
    if kind not in _VALUES:
        raise ValueError(f"attribute {proto.name!r} has a kind that is not supported: {kind.name}")
    return Attr(proto.name, kind, _VALUES[kind](proto))


def _text(text: bytes) -> str | bytes:
    """ONNX asks for UTF-8; the attributes of others' operators may hold anything."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text


_VALUES: Mapping[AttributeType, Callable[[AttributeProto], Any]] = {
    AttributeType.UNDEFINED: lambda _: None,
    AttributeType.FLOAT: lambda proto: proto.f,
    AttributeType.INT: lambda proto: proto.i,
    AttributeType.STRING: lambda proto: _text(proto.s),
    AttributeType.TENSOR: lambda proto: tensor_of(proto.t),
    AttributeType.FLOATS: lambda proto: tuple(proto.floats),
    AttributeType.INTS: lambda proto: tuple(proto.ints),
    AttributeType.STRINGS: lambda proto: tuple(map(_text, proto.strings)),
    AttributeType.TENSORS: lambda proto: tuple(map(tensor_of, proto.tensors)),
    AttributeType.TYPE_PROTO: lambda proto: proto.tp,
    AttributeType.TYPE_PROTOS: lambda proto: tuple(proto.type_protos),
}


def function_of(proto: onnx.FunctionProto) -> Function:
    """A function that a file defines, or that ONNX has as the definition of an operator. Raises
    KeyError for an output that no node gives, ValueError where values have one name."""
    values = {name: Value(name) for name in proto.input}
    inputs = [*values.values()]
    types = {info.name: info for info in proto.value_info}
    for node in proto.node:
        _declare_outputs(node, values, types)
    nodes = [_node(node, [values]) for node in proto.node]
    opsets = {opset.domain: opset.version for opset in proto.opset_import}
    outputs = [values[name] for name in proto.output]
    graph = Graph(inputs, outputs, nodes=nodes, opset_imports=opsets, name=proto.name)
    defaults = [attribute_of(attribute) for attribute in proto.attribute_proto]
    required = [Attr(name, AttributeType.UNDEFINED, None) for name in proto.attribute]
    return Function(
        proto.domain, proto.name, proto.overload, graph=graph, attributes=[*defaults, *required]
    )
