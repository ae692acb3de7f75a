"""Shapes and dtypes, as ONNX infers them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

import onnx

from bridge.ir.graph import Graph, Model
from bridge.ir.nodes import Value
from bridge.ir.tensors import TensorBase, write_tensor
from bridge.ir.types import shape_of, type_of
from bridge.ir.writing import to_proto

MOST_BYTES = 1000  # of a constant whose numbers may say a shape


def infer_shapes(model: Model) -> None:
    """Fills in the types and shapes that ONNX can infer, of branches and loops too. Large constants
    are inputs for it, so that no weight is read. What ONNX cannot infer at all stays as it is."""
    try:
        inferred = _inferred(to_proto(model, _small))
    except Exception:  # noqa: BLE001 (onnx raises classes of several kinds)
        return
    _take_over(model.graph, inferred.graph)


def _inferred(proto: onnx.ModelProto) -> onnx.ModelProto:
    """By what sizes the graph computes, too. Of a vector that may say a shape ONNX makes a message
    for each number, known or not: so not where one is long, which the shapes alone show first."""
    infer = partial(onnx.shape_inference.infer_shapes, check_type=False, strict_mode=False)
    if any(node.op_type in _MAKING_VECTORS for node in proto.graph.node):
        by_shapes = infer(proto, data_prop=False)
        graph = by_shapes.graph
        if any(map(_is_long_vector, (*graph.input, *graph.value_info, *graph.output))):
            return by_shapes
    return infer(proto, data_prop=True)


# These may turn a few numbers into a vector of any length, or a large tensor into one.
_MAKING_VECTORS = frozenset(
    "ConstantOfShape Expand OneHot Pad Range Reshape Resize Tile Upsample".split()
)
_LONG = 2**20


def _is_long_vector(info: onnx.ValueInfoProto) -> bool:
    dims = info.type.tensor_type.shape.dim
    return len(dims) == 1 and dims[0].dim_value > _LONG


def _small(tensor: TensorBase, name: str) -> onnx.TensorProto | None:
    return write_tensor(tensor, name) if tensor.nbytes <= MOST_BYTES else None


def _take_over(graph: Graph, inferred: onnx.GraphProto) -> None:
    infos = {
        info.name: info.type
        for infos in (inferred.input, inferred.value_info, inferred.output)
        for info in infos
    }
    for value in _values(graph):
        proto = infos.get(value.name or "")
        if proto is not None:
            _take_type(value, proto)
    for node, message in zip(graph, inferred.node, strict=True):
        inner = zip(node.subgraphs(), _graphs(message.attribute), strict=True)
        for graph_within, message_within in inner:
            _take_over(graph_within, message_within)


def _values(graph: Graph) -> Iterator[Value]:
    yield from graph.inputs
    yield from graph.initializers.values()
    for node in graph:
        yield from node.outputs


def _take_type(value: Value, proto: onnx.TypeProto) -> None:
    type_, shape = type_of(proto), shape_of(proto)
    if shape is not None and shape != value.shape:
        value.shape = shape
    if type_ is not None and type_.dtype != value.dtype:
        value.type = type_


def _graphs(attributes: Iterable[onnx.AttributeProto]) -> Iterator[onnx.GraphProto]:
    for attribute in attributes:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs
