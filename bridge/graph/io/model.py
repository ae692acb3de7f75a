"""An ONNX model whose weights are still where they were, and what it becomes in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING

import onnx
from onnx import TensorProto, helper

from bridge.layout import Weight

if TYPE_CHECKING:
    from bridge import ir

PRODUCER = "bridge"
"""The producer's name in an ONNX file."""


@dataclass(frozen=True)
class LazyModel:
    """An ONNX model without its initializers, and beside it the weights that they will be.

    `proto` has every value's type and shape; `weights` is by initializer name, in the order of
    first use.
    """

    proto: onnx.ModelProto
    weights: Mapping[str, Weight]


def to_proto(model: LazyModel) -> onnx.ModelProto:
    """The whole model as one message, its weights read."""
    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    for name, weight in model.weights.items():
        tensor = proto.graph.initializer.add()
        tensor.CopyFrom(header(name, weight))
        tensor.raw_data = weight.array().tobytes()
    return proto


def to_ir(model: LazyModel) -> ir.Model:
    """The model as the passes and the raising take it; its weights stay unread until asked for."""
    from bridge import ir

    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    # Placeholders, which become initializers; the lazy tensors follow.
    proto.graph.initializer.extend(
        external(name, weight, "unread", 0) for name, weight in model.weights.items()
    )
    converted = ir.from_proto(proto)
    for name, weight in model.weights.items():
        converted.graph.initializers[name].const_value = _lazy_tensor(name, weight)
    return converted


def _lazy_tensor(name: str, weight: Weight) -> ir.LazyTensor:
    from bridge import ir

    tensor = ir.LazyTensor(
        lambda: ir.Tensor(weight.array(), name=name),
        dtype=ir.DataType.from_numpy(weight.dtype),
        shape=ir.Shape(weight.shape),
        name=name,
    )
    tensor.meta[_WEIGHT] = weight
    return tensor


_WEIGHT = "bridge.weight"  # under which such a tensor has its weight


def weight_of(value: ir.Value) -> Weight | None:
    """A constant of a graph, with what it is computed from if that is known; None for others."""
    tensor = value.const_value
    if tensor is None:
        return None
    weight, name = tensor.meta.get(_WEIGHT), value.name or ""
    if not isinstance(weight, Weight):
        shape, dtype = tuple(tensor.shape.numpy()), tensor.dtype.numpy()
        return Weight(shape, tensor.numpy, name=name, dtype=dtype)
    return weight if weight.name == name else replace(weight, name=name)


def header(name: str, weight: Weight) -> TensorProto:
    """An initializer without its numbers."""
    dtype = helper.np_dtype_to_tensor_dtype(weight.dtype)
    return TensorProto(name=name, data_type=dtype, dims=weight.shape)


def external(name: str, weight: Weight, location: str, offset: int) -> TensorProto:
    """An initializer whose numbers lie in another file."""
    tensor = header(name, weight)
    set_external(tensor, location, offset, nbytes(weight))
    return tensor


def set_external(tensor: TensorProto, location: str, offset: int, length: int) -> None:
    """Says in which file the numbers of a tensor lie, and where."""
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": offset, "length": length}.items():
        tensor.external_data.add(key=key, value=str(value))


def nbytes(weight: Weight) -> int:
    return prod(weight.shape) * weight.dtype.itemsize
