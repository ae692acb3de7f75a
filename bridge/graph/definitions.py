"""Nodes held to ONNX's own definitions of their operators   (onnx.ai/onnx/operators)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bridge import ir
from bridge.errors import GraphError, words_of

if TYPE_CHECKING:
    import onnx

MAX_SHAPE = 1024  # elements of a constant that says a shape, axes, pads, ...


def refuse_unfit(node: ir.Node, opset: int, where: str) -> None:
    """Raises GraphError for a standard operator with inputs, attributes or shapes that ONNX does
    not give it. Operators that ONNX does not define in this opset are left to the rules."""
    import onnx
    from onnx.shape_inference import InferenceError

    try:
        inferred = infer_types(node, opset)
    except (InferenceError, onnx.checker.ValidationError) as error:
        raise GraphError(
            f"it is not a {node.op_type} as ONNX defines it",
            where=where,
            received=words_of(error).partition(" ==> Context")[0],
            hint=f"see https://onnx.ai/onnx/operators/onnx__{node.op_type}.html; the file was "
            "changed or exported wrongly",
        ) from error
    for value in node.outputs:
        if value.name and value.name in inferred:
            _refuse_other_type(value, inferred[value.name].tensor_type, where)


def infer_types(node: ir.Node, opset: int) -> Mapping[str, onnx.TypeProto]:
    """What ONNX infers of the results of this node alone, by name; nothing for a node with graphs,
    of another domain, without a definition in this opset, or with inputs of unknown type.

    Raises onnx's InferenceError and ValidationError for a node that is not as ONNX defines it.
    """
    import onnx
    from onnx.shape_inference import infer_node_outputs

    graphs = (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS)
    if node.domain or any(attribute.type in graphs for attribute in node.attributes.values()):
        return {}
    inputs = {value.name: value for value in node.inputs if value is not None and value.name}
    types = {name: _type(value) for name, value in inputs.items()}
    known = {name: type_ for name, type_ in types.items() if type_ is not None}
    if len(known) < len(types):
        return {}
    tensors = {name: _data(value) for name, value in inputs.items()}
    data = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    try:
        schema = onnx.defs.get_schema(node.op_type, opset, "")
    except onnx.defs.SchemaError:
        return {}
    opsets = [onnx.helper.make_opsetid("", opset)]
    proto = ir.node_proto(node)
    types_of_results: Mapping[str, onnx.TypeProto] = infer_node_outputs(
        schema, proto, known, data, opset_imports=opsets
    )
    return types_of_results


def types_if_fit(node: ir.Node, opset: int) -> Mapping[str, onnx.TypeProto]:
    """The same; nothing for a node that is not as ONNX defines it, which is refused later."""
    import onnx
    from onnx.shape_inference import InferenceError

    try:
        return infer_types(node, opset)
    except (InferenceError, onnx.checker.ValidationError):
        return {}


def _refuse_other_type(value: ir.Value, inferred: onnx.TypeProto.Tensor, where: str) -> None:
    """Raises GraphError if the file declares another dtype or shape of a result than the operator
    gives."""
    declared = _type(value)
    if declared is None or not inferred.elem_type:
        return
    dims, others = declared.tensor_type.shape.dim, inferred.shape.dim
    known = declared.tensor_type.HasField("shape") and inferred.HasField("shape")
    sizes = ((a.dim_value, b.dim_value) for a, b in zip(dims, others, strict=False))
    differ = known and (len(dims) != len(others) or any(a and b and a != b for a, b in sizes))
    if differ or declared.tensor_type.elem_type != inferred.elem_type:
        raise GraphError(
            f"the graph says of {value.name!r} what the operator does not give",
            where=where,
            expected=_text(inferred),
            received=_text(declared.tensor_type),
            hint="the file was changed or exported wrongly",
        )


def _text(tensor: onnx.TypeProto.Tensor) -> str:
    sizes = (str(dim.dim_value) if dim.HasField("dim_value") else "?" for dim in tensor.shape.dim)
    return f"{ir.DataType(tensor.elem_type).name.lower()}, shape {' '.join(sizes)}"


def _type(value: ir.Value) -> onnx.TypeProto | None:
    """None for what is no tensor, or has no known dtype."""
    from onnx.helper import make_tensor_type_proto

    if not isinstance(value.type, ir.TensorType):
        return None
    shape = None if value.shape is None else [_size(size) for size in value.shape]
    return make_tensor_type_proto(value.type.dtype.value, shape)


def _size(size: int | ir.SymbolicDim) -> int | str | None:
    return size if isinstance(size, int) else size.value


def _data(value: ir.Value) -> onnx.TensorProto | None:
    """The whole numbers of a small constant: a shape depends on no others."""
    tensor = value.const_value
    if tensor is None or tensor.dtype.name not in ("INT64", "INT32") or tensor.size > MAX_SHAPE:
        return None
    return ir.write_tensor(tensor)
