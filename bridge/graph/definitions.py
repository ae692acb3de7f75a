"""Nodes held to ONNX's own definitions of their operators   (onnx.ai/onnx/operators)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import onnx

from bridge import ir
from bridge.errors import GraphError, words_of

MAX_SHAPE = 1024  # elements of a constant that says a shape, axes, pads, ...


def refuse_unfit(node: ir.Node, opset: int, where: str) -> None:
    """Raises GraphError for a standard operator with inputs, attributes or shapes that ONNX does
    not give it. Operators that ONNX does not define in this opset are left to the rules."""
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

    Nets repeat themselves, and passes ask again: what was inferred of an equal node is known.
    Raises onnx's InferenceError and ValidationError for a node that is not as ONNX defines it.
    """
    inputs = [value if value is not None and value.name else None for value in node.inputs]
    if node.domain or next(node.subgraphs(), None) is not None:
        return {}
    if not all(value is None or isinstance(value.type, ir.TensorType) for value in inputs):
        return {}
    form = _form(node, inputs, opset)
    types = _KNOWN.get(form)
    if types is None:
        types = _inferred(node, [value for value in inputs if value is not None], opset)
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        if form is not None:
            _KNOWN[form] = types
    pairs = zip(node.outputs, types, strict=False)
    return {value.name: type_ for value, type_ in pairs if value.name and type_ is not None}


_Form = tuple[Hashable, ...]
_Types = Sequence["onnx.TypeProto | None"]

_PLAIN = frozenset(
    map(ir.AttributeType.__getitem__, "FLOAT INT STRING FLOATS INTS STRINGS".split())
)

_KNOWN: dict[_Form | None, _Types] = {}
_MOST_KNOWN = 2**12


def _form(node: ir.Node, inputs: Sequence[ir.Value | None], opset: int) -> _Form | None:
    """All that a node's results depend on, but for names; None where an attribute is no number and
    no text."""
    attributes = [(a.name, a.type, a.value) for a in node.attributes.values()]
    if not all(kind in _PLAIN for _, kind, _ in attributes):
        return None
    operands = tuple(value and (value.dtype, value.shape, _numbers(value)) for value in inputs)
    named = tuple(bool(value.name) for value in node.outputs)
    return node.op_type, opset, tuple(attributes), operands, named


def _numbers(value: ir.Value) -> Hashable:
    """The numbers that a shape may depend on."""
    tensor = value.const_value
    return tensor.numpy().tobytes() if tensor is not None and _says_sizes(tensor) else None


def _says_sizes(tensor: ir.TensorBase) -> bool:
    """Whether it is a small constant of whole numbers: a shape depends on no others."""
    return tensor.dtype in (ir.DataType.INT64, ir.DataType.INT32) and tensor.size <= MAX_SHAPE


def _inferred(node: ir.Node, inputs: Sequence[ir.Value], opset: int) -> _Types:
    """What ONNX infers of each output."""
    from onnx.shape_inference import infer_node_outputs

    try:
        schema = onnx.defs.get_schema(node.op_type, opset, "")
    except onnx.defs.SchemaError:
        return ()
    types, data = {}, {}
    for value in inputs:
        name, tensor = str(value.name), value.const_value
        types[name] = onnx.TypeProto()
        ir.write_type(types[name], value.type, value.shape)
        if tensor is not None and _says_sizes(tensor):
            data[name] = ir.write_tensor(tensor)
    opsets = [onnx.helper.make_opsetid("", opset)]
    inferred = infer_node_outputs(schema, ir.node_proto(node), types, data, opset_imports=opsets)
    return [inferred.get(value.name or "") for value in node.outputs]


def types_if_fit(node: ir.Node, opset: int) -> Mapping[str, onnx.TypeProto]:
    """The same; nothing for a node that is not as ONNX defines it, which is refused later."""
    from onnx.shape_inference import InferenceError

    try:
        return infer_types(node, opset)
    except (InferenceError, onnx.checker.ValidationError):
        return {}


def _refuse_other_type(value: ir.Value, inferred: onnx.TypeProto.Tensor, where: str) -> None:
    """Raises GraphError if the file declares another dtype or shape of a result than the operator
    gives."""
    if not isinstance(value.type, ir.TensorType) or not inferred.elem_type:
        return
    others = inferred.shape.dim
    known = value.shape is not None and inferred.HasField("shape")
    sizes = zip(value.shape or (), (dim.dim_value for dim in others), strict=False)
    differ = known and (
        len(value.shape or ()) != len(others)
        or any(isinstance(a, int) and a and b and a != b for a, b in sizes)
    )
    if differ or value.type.dtype != inferred.elem_type:
        raise GraphError(
            f"the graph says of {value.name!r} what the operator does not give",
            where=where,
            expected=_text(inferred),
            received=_declared(value.type.dtype, value.shape or ()),
            hint="the file was changed or exported wrongly",
        )


def _text(tensor: onnx.TypeProto.Tensor) -> str:
    sizes = [dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim]
    return _declared(ir.DataType(tensor.elem_type), sizes)


def _declared(dtype: ir.DataType, sizes: Sequence[object]) -> str:
    known = (str(size) if isinstance(size, int) else "?" for size in sizes)
    return f"{dtype.name.lower()}, shape {' '.join(known)}"
