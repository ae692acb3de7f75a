"""Operators put in by their definition: ONNX defines many as a function of simpler ones.

A context-dependent definition is written for one node: for its attributes, the types of its inputs
and the inputs and outputs that it omits.

onnx.inliner puts in all bodies at once, and stops at a node whose input is an initializer that is
no input of the graph, or comes out of another body: "Type unknown for W" (onnx 1.23.2). So each
body is asked of its schema here, and put in as a function.    (onnx.ai/onnx/operators)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from bridge import ir

if TYPE_CHECKING:
    import onnx


def put_bodies_in(model: ir.Model, nodes: Iterable[ir.Node]) -> bool:
    """Replaces those of the nodes that ONNX defines as functions by what they stand for, with
    names that begin with the node's; whether there was one."""
    opset, bodies = model.opset_imports[""], list[ir.Function]()
    for node in nodes:
        body = body_of(node, opset)
        if body is not None:
            _name_outputs(node)
            node.overload = f"{len(bodies)}"  # each has a body of its own
            bodies.append(_function(node, body, model.opset_imports))
    if not bodies:
        return False
    own = dict(model.functions)
    model.functions.clear()
    model.functions.update({body.identifier(): body for body in bodies})
    ir.inline(model)
    model.functions.update(own)
    return True


def _name_outputs(node: ir.Node) -> None:
    """Names the outputs that a node omits: without names they would be omitted from the nodes that
    compute them in its body, which ONNX's shape inference takes for a fault of the whole graph."""
    for index, value in enumerate(node.outputs):
        if not value.name:
            value.name = f"{node.name or node.outputs[0].name}/omitted.{index}"


def body_of(node: ir.Node, opset: int) -> onnx.FunctionProto | None:
    """What a standard operator stands for in this opset; None if ONNX does not define it by
    others, or the type of an input is not known, or it has a graph, as SequenceMap has: a body
    would call that as a function."""
    import onnx

    try:
        schema: Any = onnx.defs.get_schema(node.op_type, opset, "")
    except onnx.defs.SchemaError:
        return None
    versions = [*schema.function_opset_versions, *schema.context_dependent_function_opset_versions]
    version = max((version for version in versions if version <= opset), default=None)
    types = [_type(value) for value in node.inputs]
    has_graph = next(node.subgraphs(), None) is not None
    if node.domain or version is None or None in types or has_graph:
        return None
    for name, attribute in schema.attributes.items():
        if name not in node.attributes and attribute.default_value.name:
            node.attributes[name] = ir.attribute_of(attribute.default_value)
    body = onnx.FunctionProto()
    body.ParseFromString(_serialized(schema, node, version, types))
    _settle_outputs(body, len(node.outputs))
    return body if body.node else None


def _settle_outputs(body: onnx.FunctionProto, count: int) -> None:
    """Gives a body as many outputs as its node has. Those that the node omits it may not compute:
    something that nobody reads stands for them."""
    del body.output[count:]
    computed = {name for node in body.node for name in node.output}
    for name in body.output:
        if name not in computed:
            body.node.add(op_type="Identity", input=body.input[:1], output=[name])


def _serialized(schema: Any, node: ir.Node, version: int, types: Sequence[bytes | None]) -> bytes:
    if version in schema.function_opset_versions:
        body: bytes = schema.get_function_with_opset_version(version)
    else:
        proto = ir.node_proto(node).SerializeToString()
        body = schema.get_context_dependent_function_with_opset_version(version, proto, types)
    return body


def _type(value: ir.Value | None) -> bytes | None:
    """The serialized type of an input, an empty one for an input that is omitted."""
    import onnx

    if value is None:
        return b""
    if value.type is None:
        return None
    proto = onnx.TypeProto()
    ir.write_type(proto, value.type, value.shape)
    return proto.SerializeToString()


def _function(
    node: ir.Node, body: onnx.FunctionProto, opset_imports: dict[str, int]
) -> ir.Function:
    function = ir.function_of(body)
    function.domain, function.name, function.overload = node.op_identifier()
    # ONNX keeps a body for each opset in which its operators mean something else.
    function.opset_imports.clear()
    function.opset_imports.update({"": opset_imports[""]})
    name = node.name or node.outputs[0].name
    for inner in function:
        inner.name = f"{name}/{inner.op_type}"
        for value in inner.outputs:
            value.name = f"{name}/{value.name}" if value.name else value.name
    return function
