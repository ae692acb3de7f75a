"""The types of values: dtypes, sizes that are no numbers, and shapes   (onnx/onnx.proto)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import helper


class DataType(IntEnum):
    """The dtypes of elements, by ONNX's numbers."""

    UNDEFINED = 0
    FLOAT = 1
    UINT8 = 2
    INT8 = 3
    UINT16 = 4
    INT16 = 5
    INT32 = 6
    INT64 = 7
    STRING = 8
    BOOL = 9
    FLOAT16 = 10
    DOUBLE = 11
    UINT32 = 12
    UINT64 = 13
    COMPLEX64 = 14
    COMPLEX128 = 15
    BFLOAT16 = 16
    FLOAT8E4M3FN = 17
    FLOAT8E4M3FNUZ = 18
    FLOAT8E5M2 = 19
    FLOAT8E5M2FNUZ = 20
    UINT4 = 21
    INT4 = 22
    FLOAT4E2M1 = 23
    FLOAT8E8M0 = 24
    UINT2 = 25
    INT2 = 26
    FLOAT6E2M3 = 27
    FLOAT6E3M2 = 28

    @classmethod
    def from_numpy(cls, dtype: np.dtype[Any]) -> DataType:
        """Raises ValueError for a dtype that ONNX has not."""
        return cls(helper.np_dtype_to_tensor_dtype(dtype))

    def numpy(self) -> np.dtype[Any]:
        """Raises TypeError for a dtype that NumPy has not, also by ml_dtypes."""
        return _numpy(int(self))

    @property
    def itemsize(self) -> float:
        """Bytes of one element in a file: less than 1 where several share a byte."""
        return _BITS.get(self, 8 * self.numpy().itemsize) / 8

    def is_floating_point(self) -> bool:
        return self.name.startswith(("FLOAT", "BFLOAT", "DOUBLE"))


_BITS = {
    DataType.UINT4: 4,
    DataType.INT4: 4,
    DataType.FLOAT4E2M1: 4,
    DataType.UINT2: 2,
    DataType.INT2: 2,
    DataType.FLOAT6E2M3: 6,
    DataType.FLOAT6E3M2: 6,
}


@cache
def _numpy(number: int) -> np.dtype[Any]:
    try:
        return np.dtype(helper.tensor_dtype_to_np_dtype(number))
    except KeyError as error:
        raise TypeError(f"NumPy has no dtype for ONNX's {DataType(number).name}") from error


@dataclass(frozen=True, slots=True)
class SymbolicDim:
    """A size that is known only at run time: by its name, if it has one."""

    value: str | None

    def __str__(self) -> str:
        return str(self.value)


class Shape(tuple["int | SymbolicDim", ...]):
    """The sizes of a tensor. A name, or None, becomes a SymbolicDim."""

    __slots__ = ()

    def __new__(cls, sizes: Iterable[int | str | SymbolicDim | None]) -> Shape:
        return tuple.__new__(
            cls,
            [
                size
                if type(size) is int or isinstance(size, SymbolicDim)
                else SymbolicDim(size)
                if size is None or isinstance(size, str)
                else int(size)
                for size in sizes
            ],
        )

    def numpy(self) -> tuple[int, ...]:
        """The sizes as numbers. Raises ValueError where one is not known."""
        numbers = tuple(size for size in self if isinstance(size, int))
        if len(numbers) < len(self):
            raise ValueError(f"not all sizes of {self} are known")
        return numbers

    def __str__(self) -> str:
        return f"[{','.join(map(str, self))}]"


@dataclass(frozen=True, slots=True)
class TensorType:
    dtype: DataType


@dataclass(frozen=True, slots=True)
class OtherType:
    """Of a value that is no tensor: a sequence, an optional or a sparse tensor, as its message."""

    dtype: DataType
    proto: bytes


Type = TensorType | OtherType


@cache
def tensor_type(dtype: DataType) -> TensorType:
    return TensorType(dtype)


def type_of(proto: onnx.TypeProto) -> Type | None:
    """What a message says of the kind of a value; None where it says nothing."""
    kind = proto.WhichOneof("value")
    if kind is None:
        return None
    if kind == "tensor_type":
        number = proto.tensor_type.elem_type
        return tensor_type(DataType(number)) if number else None
    leaf = _leaf(proto)
    if leaf is None:
        raise ValueError(f"a type that is not supported: {kind}")
    return OtherType(DataType(leaf.elem_type), proto.SerializeToString())


def shape_of(proto: onnx.TypeProto) -> Shape | None:
    """What a message says of the sizes of a value, or of the elements of a sequence."""
    leaf = _leaf(proto)
    if leaf is None or not leaf.HasField("shape"):
        return None
    return Shape(
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param if dim.dim_param else None
        for dim in leaf.shape.dim
    )


def write_type(proto: onnx.TypeProto, type_: Type | None, shape: Shape | None) -> None:
    """Fills in a message with a kind and with sizes, as far as they are known."""
    if isinstance(type_, OtherType):
        proto.ParseFromString(type_.proto)
    elif type_ is not None:
        proto.tensor_type.elem_type = int(type_.dtype)
    leaf = None if type_ is None or shape is None else _leaf(proto)
    if leaf is None or shape is None:
        return
    leaf.shape.ClearField("dim")
    for size in shape:
        dim = leaf.shape.dim.add()
        if isinstance(size, int):
            dim.dim_value = size
        elif size.value is not None:
            dim.dim_param = size.value


def _leaf(proto: onnx.TypeProto) -> Any:
    """The part of a type that says a dtype and a shape; None for a map."""
    kind = proto.WhichOneof("value")
    if kind in ("tensor_type", "sparse_tensor_type"):
        return getattr(proto, kind)
    if kind in ("sequence_type", "optional_type"):
        return _leaf(getattr(proto, kind).elem_type)
    return None
