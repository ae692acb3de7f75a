"""The blobs of a caffemodel, in every encoding that files use.

Packed float32 is the usual one, and is never copied: a blob is a view of the mapped file. Unpacked
numbers, several runs of them, doubles, and NVIDIA's raw half precision are read too.
(Source: Blob::FromProto in src/caffe/blob.cpp)
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from bridge.caffe.net import Blob, Shape
from bridge.files.wire import BYTES, VARINT, Entry, Wire
from bridge.layout import Span
from bridge.types import Array


@dataclass(frozen=True)
class StoredBlob:
    """A blob as the file has it.

    `legacy` says that the shape is from the four fields num, channels, height and width of early
    files, padded in front with ones; `count` is how many numbers are stored, and `dtype` their
    type, usually float32.
    """

    blob: Blob
    legacy: bool
    count: int
    dtype: str

    @property
    def is_whole(self) -> bool:
        """Whether it has as many numbers as its shape says."""
        return self.count == prod(self.blob.shape)


# Field numbers of schema/caffe.proto.
_LEGACY_DIMS = (1, 2, 3, 4)
_DATA, _SHAPE, _DOUBLE_DATA, _RAW_TYPE, _RAW_DATA = 5, 7, 8, 10, 12
_LARGEST = 2**31 - 1  # of Caffe's sizes
_FLOAT32: np.dtype[Any] = np.dtype("<f4")
_NUMBERS: Mapping[int, np.dtype[Any]] = {_DATA: _FLOAT32, _DOUBLE_DATA: np.dtype("<f8")}
# NVIDIA's raw_data_type: DOUBLE, FLOAT, FLOAT16.
_RAW_NUMBERS: Mapping[int, np.dtype[Any]] = {0: np.dtype("<f8"), 1: _FLOAT32, 2: np.dtype("<f2")}


@dataclass(frozen=True)
class _Run:
    """Consecutive numbers: packed, or each preceded by a tag of one byte."""

    offset: int
    count: int
    dtype: np.dtype[Any]
    tagged: bool = False

    @property
    def end(self) -> int:
        return self.offset + self.count * (self.dtype.itemsize + self.tagged)

    def read(self, data: mmap.mmap) -> np.ndarray[Any, np.dtype[Any]]:
        if not self.tagged:
            return np.frombuffer(data, self.dtype, self.count, self.offset)
        width = 1 + self.dtype.itemsize
        bytes_ = np.frombuffer(data, np.uint8, self.count * width, self.offset)
        return bytes_.reshape(-1, width)[:, 1:].copy().view(self.dtype)[:, 0]


@dataclass
class _BlobFields:
    """The fields of a blob message, collected while walking it."""

    shape: Shape | None = None
    legacy: dict[int, int] = field(default_factory=dict)
    runs: dict[int, list[_Run]] = field(default_factory=dict)
    raw_type: int = 0
    raw: Entry | None = None


def stored_blob(wire: Wire, blob: Entry) -> StoredBlob:
    """A BlobProto, its values unread. Errors: WeightsError where the file is damaged."""
    fields = _blob_fields(wire, blob)
    runs = _numbers(wire, fields)
    count = sum(run.count for run in runs)
    shape, legacy = fields.shape, False
    if shape is None:
        legacy = bool(fields.legacy)
        shape = tuple(fields.legacy.get(number, 0) for number in _LEGACY_DIMS) if legacy else ()
    if any(size > _LARGEST for size in shape):  # a negative one is beyond 2^63
        raise wire.damaged(blob.begin, f"a blob of shape {' '.join(map(str, shape))}")
    span = None
    if len(runs) == 1 and runs[0].dtype == _FLOAT32 and not runs[0].tagged:
        span = Span(wire.path, runs[0].offset, 4 * count)
    dtype = runs[0].dtype.name if runs else _FLOAT32.name
    return StoredBlob(Blob(shape, _Reader(wire.data, runs), span), legacy, count, dtype)


def _blob_fields(wire: Wire, blob: Entry) -> _BlobFields:
    fields = _BlobFields()
    position = blob.start
    while position < blob.end:
        entry = wire.entry(position, blob.end)
        position = entry.end
        if entry.number in _LEGACY_DIMS and entry.wire == VARINT:
            fields.legacy[entry.number] = entry.value
        elif entry.number == _SHAPE and entry.wire == BYTES:
            fields.shape = _dims(wire, entry)
        elif entry.number in _NUMBERS:
            run = _run(wire, entry, blob.end)
            fields.runs.setdefault(entry.number, []).append(run)
            position = run.end
        elif entry.number == _RAW_TYPE:
            fields.raw_type = entry.value
        elif entry.number == _RAW_DATA:
            fields.raw = entry
    return fields


def _numbers(wire: Wire, fields: _BlobFields) -> tuple[_Run, ...]:
    """The runs that hold the blob's values; doubles take precedence over floats, as in Caffe."""
    for number in (_DOUBLE_DATA, _DATA):
        if runs := [run for run in fields.runs.get(number, ()) if run.count]:
            return tuple(runs)
    if fields.raw is None:
        return ()
    dtype = _RAW_NUMBERS.get(fields.raw_type)
    size = fields.raw.end - fields.raw.start
    if dtype is None or size % dtype.itemsize:
        raise wire.damaged(fields.raw.begin, f"{size} raw bytes of type {fields.raw_type}")
    return (_Run(fields.raw.start, size // dtype.itemsize, dtype),)


def _run(wire: Wire, entry: Entry, end: int) -> _Run:
    """The numbers that begin at this entry: one packed run, or all consecutive tagged ones."""
    dtype = _NUMBERS[entry.number]
    if entry.wire == BYTES:
        size = entry.end - entry.start
        if size % dtype.itemsize:
            raise wire.damaged(entry.begin, f"{size} bytes of {dtype.name}")
        return _Run(entry.start, size // dtype.itemsize, dtype)
    width = 1 + dtype.itemsize
    if entry.end - entry.begin != width:
        raise wire.damaged(entry.begin, f"{entry.end - entry.begin} bytes for one {dtype.name}")
    possible = (end - entry.begin) // width
    tags = np.frombuffer(wire.data, np.uint8, possible * width, entry.begin)[::width]
    return _Run(entry.begin, _equal_to_the_first(tags), dtype, tagged=True)


def _equal_to_the_first(tags: np.ndarray[Any, np.dtype[np.uint8]]) -> int:
    """How many numbers at the beginning are equal: looks little farther than they reach, for a blob
    may have many short runs."""
    count, length = 1, 64
    while count < len(tags):
        others = np.flatnonzero(tags[count : count + length] != tags[0])
        if others.size:
            return count + int(others[0])
        count, length = min(count + length, len(tags)), 4 * length
    return count


def _dims(wire: Wire, shape: Entry) -> Shape:
    """A BlobShape's dims, packed or not."""
    dims: list[int] = []
    for entry in wire.entries(shape.start, shape.end):
        if entry.number != 1:
            continue
        if entry.wire == VARINT:
            dims.append(entry.value)
            continue
        position = entry.start
        while position < entry.end:
            dim, position = wire.varint(position, entry.end)
            dims.append(dim)
    return tuple(dims)


@dataclass(frozen=True)
class _Reader:
    """Reads a blob's values on demand; keeps the mapping alive until then."""

    data: mmap.mmap
    runs: tuple[_Run, ...]

    def __call__(self) -> Array:
        """The values, flat: a view of the file where it holds them packed as float32. Doubles
        beyond it are infinite, as in Caffe."""
        with np.errstate(over="ignore"):
            parts = [run.read(self.data).astype(np.float32, copy=False) for run in self.runs]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.float32), *parts])
