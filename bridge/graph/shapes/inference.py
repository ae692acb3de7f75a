"""Free sizes, followed through the graph: one walk that visits each node once.

ONNX's inference knows no sums, products or quotients of free sizes. Where a result has a size that
is no number, its shape is taken from `results`, or else from ONNX's inference of this node alone;
a size that neither knows keeps the name that the file has for it, or gets one. What the graph
computes of sizes (`elements`) becomes a constant where it is numbers after all.

onnxruntime 1.32's symbolic inference was tried: it needs SymPy and the whole graph as a protobuf,
names sizes alike, and ends with an AssertionError on a Transformer's encoder of PyTorch
(tests/pytorch/nets/encoder_scripted_14.onnx).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import numpy as np

from bridge import ir
from bridge.graph.constants import new_constant
from bridge.graph.definitions import types_if_fit
from bridge.graph.shapes.elements import Elements, InputElements, computed_elements, sizes_of
from bridge.graph.shapes.known import Known, Sizes
from bridge.graph.shapes.results import OF_ONE_TYPE, result_shapes
from bridge.layout.size import canonical

if TYPE_CHECKING:
    import onnx


def follow_sizes(model: ir.Model) -> bool:
    """Names every free size by what it is of other sizes, in place; whether a computed tensor
    became a constant."""
    values = [*model.graph.inputs, *(v for node in model.graph for v in node.outputs)]
    if not any(v.name and (v.shape is None or _is_free(v.shape)) for v in values):
        return False
    names = _new_names(values)
    for value in model.graph.inputs:
        if value.shape is not None:
            _name_sizes(value, sizes_of(value) or (), names)
    known: dict[ir.Value, Elements] = {}
    constants = []
    for node in model.graph:
        if node.domain not in ("", "ai.onnx"):
            continue
        elements = InputElements(node.inputs, known)
        if any(
            v.name and (v.shape is None or _is_free(v.shape) or not v.dtype) for v in node.outputs
        ):
            _infer(node, elements, model.opset_imports[""], names)
        result = _unless_unfit(computed_elements, node, elements)
        if result is not None:
            known[node.outputs[0]] = result
            constants += [node.outputs[0]] * _can_be_constant(node.outputs[0], result)
    for value in constants:
        _make_constant(model.graph, value, known[value])
    return bool(constants)


def _is_free(shape: ir.Shape) -> bool:
    return not all(isinstance(size, int) for size in shape)


def _new_names(values: Sequence[ir.Value]) -> Iterator[str]:
    """Names for sizes that have none, as ONNX's inference spells them."""
    shapes = (value.shape for value in values if value.shape is not None)
    taken = {size.value for shape in shapes for size in shape if not isinstance(size, int)}
    return (name for name in (f"unk__{index}" for index in count()) if name not in taken)


def _name_sizes(value: ir.Value, sizes: Sizes, names: Iterator[str]) -> None:
    if not all(isinstance(size, int) for size in sizes):
        sizes = [next(names) if size is None else canonical(size) for size in sizes]
    value.shape = ir.Shape(sizes)


_P = ParamSpec("_P")
_Result = TypeVar("_Result")


def _unless_unfit(
    rule: Callable[_P, _Result | None], *args: _P.args, **kwargs: _P.kwargs
) -> _Result | None:
    """What a rule knows; nothing of a node that is not as ONNX defines it, such as a slice along an
    axis that there is not. Such a node is refused later, see graph/invariants.py."""
    try:
        return rule(*args, **kwargs)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None


def _can_be_constant(value: ir.Value, elements: Elements) -> bool:
    known = all(isinstance(element, int) for element in elements)
    return known and bool(value.dtype) and value.shape is not None and not value.is_graph_output()


def _make_constant(graph: ir.Graph, value: ir.Value, elements: Elements) -> None:
    dtype = value.dtype or ir.DataType.INT64
    array = np.asarray(elements, dtype.numpy()).reshape((-1,) * len(value.shape or ()))
    tensor = ir.Tensor(array, name=value.name)
    node = value.producer()
    if node is not None:
        value.replace_all_uses_with(new_constant(graph, str(value.name), tensor))
        graph.remove(node, safe=True)


# --- one node -------------------------------------------------------------------------------------


def _infer(
    node: ir.Node, elements: Sequence[Elements | None], opset: int, names: Iterator[str]
) -> None:
    known = Known(node, [sizes_of(value) for value in node.inputs], elements)
    shapes = _unless_unfit(result_shapes, known)
    types = {} if shapes and all(v.dtype for v in node.outputs) else types_if_fit(node, opset)
    for index, value in enumerate(node.outputs):
        if not value.name:
            continue
        type_ = types.get(value.name)
        if value.dtype is None and node.op_type in OF_ONE_TYPE and node.inputs[0] is not None:
            value.type = node.inputs[0].type
        elif value.dtype is None and type_ is not None:
            value.type = ir.type_of(type_)
        sizes = shapes[index] if shapes is not None and index < len(shapes) else None
        sizes = _sizes(type_) if sizes is None and type_ is not None else sizes
        declared = sizes_of(value)
        if sizes is None or (declared is not None and len(declared) != len(sizes)):
            sizes = declared
        elif declared is not None:
            sizes = [d if s is None else s for s, d in zip(sizes, declared, strict=True)]
        if sizes is not None:
            _name_sizes(value, sizes, names)


def _sizes(type_: onnx.TypeProto) -> Sizes | None:
    if not type_.tensor_type.HasField("shape"):
        return None
    return [
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None
        for dim in type_.tensor_type.shape.dim
    ]
