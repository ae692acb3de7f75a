"""Caffe's weight files: where each blob lies, found without reading or copying any weight.

A caffemodel is one protobuf NetParameter. Its bytes are mapped into memory and its wire format is
walked: messages on the way to a blob are entered, everything else is stepped over by its length.
A net of 500 MB takes a few milliseconds, and files beyond protobuf's own limit of 2 GB read too.
(Wire format: https://protobuf.dev/programming-guides/encoding/)
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bridge.caffe.net import Array, Blob, Shape, Span
from bridge.errors import Location, WeightsError


@dataclass(frozen=True)
class StoredBlob:
    """A blob as the file has it.

    `legacy` says that the shape is of the four fields num, channels, height and width, which early
    files have, padded in front with ones; `count` is how many numbers there really are.
    """

    blob: Blob
    legacy: bool
    count: int


@dataclass(frozen=True)
class StoredLayer:
    """A layer of the file: its name and its blobs, in order."""

    name: str
    blobs: tuple[StoredBlob, ...]


def read(path: Path) -> tuple[StoredLayer, ...]:
    """The layers of a caffemodel, in file order; names may occur more than once.

    Errors: WeightsError where the file is damaged, or is no caffemodel at all.
    """
    with path.open("rb") as file:
        _refuse_other_formats(path, file.read(GLANCE))
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return _Scan(path, data).layers()


# How many bytes show what a file is.
GLANCE = 1024


def looks_binary(start: bytes) -> bool:
    """Whether a file's first bytes are no text: there are control characters among them."""
    return any(byte < 0x20 and byte not in b"\t\n\f\r" for byte in start)


_OTHER_FORMATS = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", "save the net as .caffemodel: net.save('x.caffemodel')"),
    (b"PK\x03\x04", "a zip archive", "unpack it first"),
    (b"\x1f\x8b", "a gzip file", "unpack it first"),
    (b"\x80\x02", "a Python pickle", None),
    (b"\x08", "a solver state, or an ONNX model", "give the .caffemodel"),
)

_OTHER_TEXTS = (
    (b"version https://git-lfs", "a git-lfs pointer", "fetch the file itself: git lfs pull"),
    (b"<", "a web page (HTML or XML)", "the download went wrong: fetch the file again"),
    (b"", "a text file", None),
)


def _refuse_other_formats(path: Path, start: bytes) -> None:
    if not start:
        raise WeightsError("the file is empty", where=Location.of(path), expected="a .caffemodel")
    is_text = not looks_binary(start)
    for magic, received, hint in (*_OTHER_FORMATS, *(_OTHER_TEXTS if is_text else ())):
        if (start.lstrip() if is_text else start).startswith(magic):
            raise WeightsError(
                "not a Caffe weight file",
                where=Location.of(path),
                expected="a binary NetParameter (.caffemodel)",
                received=received,
                hint=hint,
            )


# ---- the fields that matter, by their numbers in schema/caffe.proto --------------------------


@dataclass(frozen=True)
class _Dialect:
    """Where a layer message keeps its name and its blobs, and the message that it may wrap."""

    name: int
    blobs: int
    wraps: int | None = None


_V0 = _Dialect(name=1, blobs=50)
_DIALECTS = {2: _Dialect(name=4, blobs=6, wraps=1), 100: _Dialect(name=1, blobs=7)}

_LEGACY_DIMS = {1: 0, 2: 1, 3: 2, 4: 3}
_DATA, _SHAPE, _DOUBLE_DATA, _RAW_TYPE, _RAW_DATA = 5, 7, 8, 10, 12
_FLOAT32: np.dtype[Any] = np.dtype("<f4")
_NUMBERS: Mapping[int, np.dtype[Any]] = {_DATA: _FLOAT32, _DOUBLE_DATA: np.dtype("<f8")}
# NVIDIA's raw_data_type: DOUBLE, FLOAT, FLOAT16.
_RAW_NUMBERS: Mapping[int, np.dtype[Any]] = {0: np.dtype("<f8"), 1: _FLOAT32, 2: np.dtype("<f2")}

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {_FIXED64: 8, _FIXED32: 4}


class _Entry(NamedTuple):
    """One field on the wire: `begin` is its tag, `start` to `end` its payload, or its varint."""

    number: int
    wire: int
    value: int
    begin: int
    start: int
    end: int


@dataclass(frozen=True)
class _Run:
    """Numbers in a row: packed, or each behind a tag of one byte."""

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
    """What a blob message says, gathered while walking it."""

    shape: Shape | None = None
    legacy: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    has_legacy: bool = False
    runs: dict[int, list[_Run]] = field(default_factory=dict)
    raw_type: int = 0
    raw: _Entry | None = None


class _Scan:
    """A walk over a mapped caffemodel."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self.path, self.data = path, data
        self.layer = ""

    def damaged(self, position: int, received: str) -> WeightsError:
        inside = f", in layer '{self.layer}'" if self.layer else ""
        return WeightsError(
            f"the caffemodel is damaged at byte {position}{inside}",
            where=Location.of(self.path),
            received=received,
            hint="is the file whole, and a caffemodel at all? fetch or save it again",
        )

    # -- messages

    def layers(self) -> tuple[StoredLayer, ...]:
        layers = tuple(self._layers())
        if not layers:
            raise WeightsError(
                "the file holds no layers",
                where=Location.of(self.path),
                expected="a .caffemodel",
                hint="is this a mean file (.binaryproto)?",
            )
        return layers

    def _layers(self) -> Iterator[StoredLayer]:
        for entry in self.entries(0, len(self.data)):
            if dialect := _DIALECTS.get(entry.number):
                if entry.wire != _BYTES:
                    raise self.damaged(entry.begin, "a number where a layer should be")
                yield self.stored_layer(entry, dialect)
                self.layer = ""

    def stored_layer(self, layer: _Entry, dialect: _Dialect) -> StoredLayer:
        """One layer. A V1 layer may be no more than a wrapper of a V0 layer."""
        blobs = []
        for entry in self.entries(layer.start, layer.end):
            if entry.wire != _BYTES:
                continue
            if entry.number == dialect.wraps:
                return self.stored_layer(entry, _V0)
            if entry.number == dialect.name:
                self.layer = self.data[entry.start : entry.end].decode("utf-8", "replace")
            elif entry.number == dialect.blobs:
                blobs.append(entry)
        return StoredLayer(self.layer, tuple(self.stored_blob(entry) for entry in blobs))

    def stored_blob(self, blob: _Entry) -> StoredBlob:
        fields = self.blob_fields(blob)
        runs = self.numbers(fields)
        count = sum(run.count for run in runs)
        shape = tuple(fields.legacy) if fields.has_legacy else ()
        shape = shape if fields.shape is None else fields.shape
        span = None
        if len(runs) == 1 and runs[0].dtype == _FLOAT32 and not runs[0].tagged:
            span = Span(self.path, runs[0].offset, 4 * count)
        legacy = fields.shape is None and fields.has_legacy
        return StoredBlob(Blob(shape, _Reader(self.data, runs), span), legacy, count)

    def blob_fields(self, blob: _Entry) -> _BlobFields:
        fields = _BlobFields()
        position = blob.start
        while position < blob.end:
            entry = self.entry(position, blob.end)
            position = entry.end
            if entry.number in _LEGACY_DIMS and entry.wire == _VARINT:
                fields.legacy[_LEGACY_DIMS[entry.number]] = entry.value
                fields.has_legacy = True
            elif entry.number == _SHAPE and entry.wire == _BYTES:
                fields.shape = self.dims(entry)
            elif entry.number in _NUMBERS:
                run = self.run(entry, blob.end)
                fields.runs.setdefault(entry.number, []).append(run)
                position = run.end
            elif entry.number == _RAW_TYPE:
                fields.raw_type = entry.value
            elif entry.number == _RAW_DATA:
                fields.raw = entry
        return fields

    def numbers(self, fields: _BlobFields) -> tuple[_Run, ...]:
        """The runs that hold the blob's values; doubles win over floats, as in Caffe."""
        for number in (_DOUBLE_DATA, _DATA):
            if runs := [run for run in fields.runs.get(number, ()) if run.count]:
                return tuple(runs)
        if fields.raw is None:
            return ()
        dtype = _RAW_NUMBERS.get(fields.raw_type)
        size = fields.raw.end - fields.raw.start
        if dtype is None or size % dtype.itemsize:
            raise self.damaged(fields.raw.begin, f"{size} raw bytes of type {fields.raw_type}")
        return (_Run(fields.raw.start, size // dtype.itemsize, dtype),)

    def run(self, entry: _Entry, end: int) -> _Run:
        """The numbers that begin with this entry: a packed one, or all tagged ones in a row."""
        dtype = _NUMBERS[entry.number]
        if entry.wire == _BYTES:
            size = entry.end - entry.start
            if size % dtype.itemsize:
                raise self.damaged(entry.begin, f"{size} bytes of {dtype.name}")
            return _Run(entry.start, size // dtype.itemsize, dtype)
        width = 1 + dtype.itemsize
        if entry.end - entry.begin != width:
            raise self.damaged(entry.begin, f"{entry.end - entry.begin} bytes for one {dtype.name}")
        possible = (end - entry.begin) // width
        tags = np.frombuffer(self.data, np.uint8, possible * width, entry.begin)[::width]
        others = np.flatnonzero(tags != tags[0])
        count = int(others[0]) if others.size else possible
        return _Run(entry.begin, count, dtype, tagged=True)

    def dims(self, shape: _Entry) -> Shape:
        """A BlobShape's dims, packed or not."""
        dims: list[int] = []
        for entry in self.entries(shape.start, shape.end):
            if entry.number != 1:
                continue
            if entry.wire == _VARINT:
                dims.append(entry.value)
                continue
            position = entry.start
            while position < entry.end:
                dim, position = self.varint(position, entry.end)
                dims.append(dim)
        return tuple(dims)

    # -- the wire

    def entries(self, start: int, end: int) -> Iterator[_Entry]:
        """The fields of the message between two positions."""
        position = start
        while position < end:
            entry = self.entry(position, end)
            yield entry
            position = entry.end

    def entry(self, begin: int, end: int) -> _Entry:
        tag, start = self.varint(begin, end)
        number, wire = tag >> 3, tag & 7
        value = 0
        if wire == _VARINT:
            value, after = self.varint(start, end)
        elif wire == _BYTES:
            size, start = self.varint(start, end)
            after = start + size
        elif wire in _FIXED_SIZES:
            after = start + _FIXED_SIZES[wire]
        else:
            raise self.damaged(begin, f"wire type {wire}")
        if after > end:
            raise self.damaged(begin, f"{after - start} bytes promised, {end - start} left")
        return _Entry(number, wire, value, begin, start, after)

    def varint(self, position: int, end: int) -> tuple[int, int]:
        """The number at a position, and the position behind it."""
        value = shift = 0
        for at in range(position, min(position + 10, end)):
            byte = self.data[at]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, at + 1
            shift += 7
        raise self.damaged(position, "a number that does not end")


@dataclass(frozen=True)
class _Reader:
    """Reads a blob's values when they are asked for; keeps the mapping alive until then."""

    data: mmap.mmap
    runs: tuple[_Run, ...]

    def __call__(self) -> Array:
        """The values, flat: a view of the file where it holds them packed as float32."""
        if len(self.runs) == 1:
            return self.runs[0].read(self.data).astype(np.float32, copy=False)
        parts = [run.read(self.data).astype(np.float32, copy=False) for run in self.runs]
        return np.concatenate([np.empty(0, np.float32), *parts])


def misses_values(stored: StoredBlob) -> bool:
    """Whether a blob holds fewer or more numbers than its shape says."""
    return stored.count != prod(stored.blob.shape)
