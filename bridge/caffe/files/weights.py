"""Caffe's weight files: where each blob is stored, without reading or copying any weight.

A caffemodel is one protobuf NetParameter. Its bytes are mapped into memory and its wire format is
walked: messages that lead to a blob are entered, everything else is skipped by its length.
A net of 500 MB takes a few milliseconds, and files over protobuf's own limit of 2 GB are read too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError

from bridge import files
from bridge.caffe import schema
from bridge.caffe.files.blobs import StoredBlob, stored_blob
from bridge.caffe.files.textformat import decode
from bridge.errors import Location, WeightsError, words_of
from bridge.files.wire import BYTES, Entry, Wire, field


@dataclass(frozen=True)
class StoredLayer:
    """A layer of the file: its name and its blobs, by their index; V0, V1, V2 or HDF5."""

    name: str
    blobs: Mapping[int, StoredBlob]
    dialect: str

    @property
    def leaves_out_shared(self) -> bool:
        """Whether blobs that an earlier layer already has are left out here."""
        return self.dialect == "HDF5"


def read(path: Path) -> tuple[StoredLayer, ...]:
    """The layers of a caffemodel, in file order; names may occur more than once.

    Errors: WeightsError where the file is damaged, or is not a caffemodel.
    """
    wire = _open(path)
    with wire.leaping():
        layers = tuple(_stored_layers(wire))
        _refuse_damaged(_definition(wire), path)
    if not layers:
        raise WeightsError(
            "the file contains no layers",
            where=Location.of(path),
            expected="a .caffemodel",
            hint="is this a mean file (.binaryproto)?",
        )
    return layers


def _refuse_damaged(definition: bytes, path: Path) -> None:
    """Refuses a file that no Caffe could read, though its weights seem whole: then what has damaged
    the rest may have changed them as well."""
    try:
        schema.shared_net().FromString(definition)
    except DecodeError as error:
        raise WeightsError(
            "the file is damaged in what describes its layers",
            where=Location.of(path),
            received=words_of(error),
            hint="fetch or save it again",
        ) from None


def _open(path: Path) -> Wire:
    _refuse_other_formats(path)
    return Wire(path)


def _refuse_other_formats(path: Path) -> None:
    kind = files.of(path)
    if kind is not None and kind.name != files.CAFFEMODEL:
        raise WeightsError(
            "not a Caffe weight file",
            where=Location.of(path),
            expected="a binary NetParameter, .caffemodel",
            received=kind.name,
            hint=kind.hint,
        )


# ---- the fields that matter, by their numbers in schema/caffe.proto --------------------------


@dataclass(frozen=True)
class _Dialect:
    """The field numbers of a layer message's name and blobs, and of the message it may wrap."""

    title: str
    name: int
    blobs: int
    wraps: int | None = None


_V0 = _Dialect("V0", name=1, blobs=50)
_DIALECTS = {2: _Dialect("V1", name=4, blobs=6, wraps=1), 100: _Dialect("V2", name=1, blobs=7)}


def _stored_layers(wire: Wire) -> Iterator[StoredLayer]:
    for entry in wire.entries(0, len(wire)):
        if dialect := _DIALECTS.get(entry.number):
            if entry.wire != BYTES:
                raise wire.damaged(entry.begin, "a number instead of a layer")
            yield _stored_layer(wire, entry, dialect)
            wire.inside = ""


def _stored_layer(wire: Wire, layer: Entry, dialect: _Dialect) -> StoredLayer:
    """One layer. A V1 layer may be only a wrapper of a V0 layer."""
    name, blobs = "", []
    for entry in wire.entries(layer.start, layer.end):
        if entry.wire != BYTES:
            continue
        if entry.number == dialect.wraps:
            return _stored_layer(wire, entry, _V0)
        if entry.number == dialect.name:
            name = decode(wire.data[entry.start : entry.end])
            wire.inside = f", in layer '{name}'"
        elif entry.number == dialect.blobs:
            blobs.append(entry)
    stored = {index: stored_blob(wire, entry) for index, entry in enumerate(blobs)}
    return StoredLayer(name, stored, dialect.title)


# ---- the definition of the net in the same file ----------------------------------------------


def definition(path: Path) -> bytes:
    """The NetParameter of a caffemodel without its blobs, serialised: a few kB.

    Errors: WeightsError, as for `read`.
    """
    wire = _open(path)
    with wire.leaping():
        return _definition(wire)


def _definition(wire: Wire) -> bytes:
    parts = []
    for entry in wire.entries(0, len(wire)):
        dialect = _DIALECTS.get(entry.number)
        parts.append(_without_blobs(wire, entry, dialect) if dialect else _bytes(wire, entry))
    return b"".join(parts)


def _without_blobs(wire: Wire, layer: Entry, dialect: _Dialect) -> bytes:
    parts = []
    for entry in wire.entries(layer.start, layer.end):
        if entry.number == dialect.wraps:
            parts.append(_without_blobs(wire, entry, _V0))
        elif entry.number != dialect.blobs:
            parts.append(_bytes(wire, entry))
    return field(layer.number, b"".join(parts))


def _bytes(wire: Wire, entry: Entry) -> bytes:
    return wire.data[entry.begin : entry.end]
