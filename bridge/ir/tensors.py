"""Constants, whose numbers are read when they are asked for."""

from __future__ import annotations

import mmap
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from math import ceil, prod
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from bridge.ir.types import DataType, Shape
from bridge.types import Array

_SMALL = 1024  # elements of a tensor whose array is kept


class TensorBase(ABC):
    """A constant of a dtype and a shape. `meta` is for whoever made it."""

    def __init__(self, dtype: DataType, shape: Shape, name: str | None) -> None:
        self.dtype, self.shape, self.name = dtype, shape, name
        self.meta: dict[str, Any] = {}

    @abstractmethod
    def numpy(self) -> Array:
        """The numbers, in an array of this shape; it may be read-only."""

    @cached_property
    def size(self) -> int:
        return prod(self.shape.numpy())

    @property
    def nbytes(self) -> int:
        return ceil(self.dtype.itemsize * self.size)


class Tensor(TensorBase):
    """An array in memory."""

    def __init__(self, array: Array, *, name: str | None = None) -> None:
        super().__init__(DataType.from_numpy(array.dtype), Shape(array.shape), name)
        self._array = array

    def numpy(self) -> Array:
        return self._array


class LazyTensor(TensorBase):
    """What a function gives, each time that it is asked for."""

    def __init__(
        self, read: Callable[[], TensorBase], *, dtype: DataType, shape: Shape, name: str | None
    ) -> None:
        super().__init__(dtype, shape, name)
        self._read = read

    def numpy(self) -> Array:
        return self._read().numpy()


class ProtoTensor(TensorBase):
    """A tensor whose numbers are in a message."""

    def __init__(self, proto: TensorProto) -> None:
        super().__init__(DataType(proto.data_type), Shape(proto.dims), proto.name)
        self.proto = proto

    def numpy(self) -> Array:
        return self._kept if self.size <= _SMALL else self._array()

    @cached_property
    def _kept(self) -> Array:
        return self._array()

    def _array(self) -> Array:
        if self.proto.HasField("raw_data") and self.dtype.itemsize >= 1:
            dtype = self.dtype.numpy().newbyteorder("<")
            return np.frombuffer(self.proto.raw_data, dtype).reshape(self.shape.numpy())
        array: Array = numpy_helper.to_array(self.proto)
        return array


class ExternalTensor(TensorBase):
    """A tensor whose numbers are in a file beside the graph's, which is mapped, not read."""

    def __init__(self, proto: TensorProto) -> None:
        super().__init__(DataType(proto.data_type), Shape(proto.dims), proto.name)
        entries = {entry.key: entry.value for entry in proto.external_data}
        self.location = entries.get("location", "")
        self.offset = int(entries.get("offset", 0))
        self.folder = Path()  # that of the graph's file

    @property
    def path(self) -> Path:
        return self.folder / self.location

    def numpy(self) -> Array:
        shape = self.shape.numpy()
        if not self.size:
            return np.empty(shape, self.dtype.numpy())
        data = memoryview(_mapped(self.path))[self.offset : self.offset + self.nbytes]
        if self.dtype.itemsize >= 1:
            return np.frombuffer(data, self.dtype.numpy().newbyteorder("<")).reshape(shape)
        packed = TensorProto(data_type=int(self.dtype), dims=shape, raw_data=data.tobytes())
        array: Array = numpy_helper.to_array(packed)
        return array


# Of all tensors in a file that are in use: each map keeps the file open.
_MAPS: WeakValueDictionary[tuple[Path, int, int], mmap.mmap] = WeakValueDictionary()


def _mapped(path: Path) -> mmap.mmap:
    status = path.stat()
    key = path, status.st_ino, status.st_mtime_ns
    if (mapped := _MAPS.get(key)) is None:
        with path.open("rb") as file:
            mapped = _MAPS[key] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return mapped


def tensor_of(proto: TensorProto) -> TensorBase:
    """Raises ValueError for a dtype that ONNX has not."""
    external = proto.data_location == onnx.TensorProto.EXTERNAL
    return ExternalTensor(proto) if external else ProtoTensor(proto)


def write_tensor(tensor: TensorBase, name: str | None = None) -> TensorProto:
    """The message of a tensor, with its numbers, under its name or another one."""
    proto = TensorProto()
    if isinstance(tensor, ProtoTensor):
        proto.CopyFrom(tensor.proto)
    else:
        proto.CopyFrom(numpy_helper.from_array(tensor.numpy()))
    name = tensor.name if name is None else name
    if name:
        proto.name = name
    return proto
