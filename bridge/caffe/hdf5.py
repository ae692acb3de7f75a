"""Caffe's other weight file, HDF5: `.caffemodel.h5`, in which each blob is a dataset.

`data/<layer>/<index>` holds a blob. What a layer shares with an earlier one is left out, and there
is no definition of the net. (Source: Net::ToHDF5 and Net::CopyTrainedLayersFromHDF5 in
src/caffe/net.cpp, hdf5_save_nd_dataset in src/caffe/util/hdf5.cpp)
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.caffe.blobs import StoredBlob
from bridge.caffe.net import Array, Blob, Span
from bridge.caffe.weights import StoredLayer
from bridge.errors import Location, UsageError, WeightsError

if TYPE_CHECKING:
    import h5py


def read(path: Path) -> tuple[StoredLayer, ...]:
    """The layers of an HDF5 caffemodel, their values unread.

    Errors: UsageError where h5py is not installed; WeightsError where the file is damaged, or is
    HDF5 of another kind.
    """
    try:
        import h5py
    except ImportError:
        raise UsageError(
            "h5py is needed to read HDF5 files",
            where=Location.of(path),
            hint="pip install 'caffe-bridge[hdf5]'",
        ) from None
    try:
        with h5py.File(path) as file:
            data = file.get("data")
            layers = tuple(_layers(path, data)) if isinstance(data, h5py.Group) else ()
    except OSError as error:
        raise WeightsError(
            "the HDF5 file is damaged", where=Location.of(path), received=str(error)
        ) from None
    if not layers:
        raise WeightsError(
            "this HDF5 file holds no Caffe weights",
            where=Location.of(path),
            expected="datasets data/<layer>/<index>, as Caffe's snapshot_format: HDF5 writes them",
        )
    return layers


def _layers(path: Path, group: h5py.Group, name: str = "") -> Iterator[StoredLayer]:
    """The group's datasets as a layer, and what lies below: names of layers may have slashes."""
    import h5py

    blobs: dict[int, StoredBlob] = {}
    for key, item in group.items():
        inner = f"{name}/{key}" if name else key
        if isinstance(item, h5py.Group):
            yield from _layers(path, item, inner)
        elif name and key.isdecimal() and item.dtype.kind == "f":
            blobs[int(key)] = _stored_blob(path, item)
    if blobs:
        yield StoredLayer(name, dict(sorted(blobs.items())), "HDF5")


def _stored_blob(path: Path, dataset: h5py.Dataset) -> StoredBlob:
    shape = tuple(map(int, dataset.shape))
    offset = dataset.id.get_offset()
    blob = Blob(shape, partial(_read, path, dataset.name))
    if offset is not None and dataset.dtype == np.dtype("<f4"):
        span = Span(path, offset, 4 * prod(shape))
        blob = Blob(shape, partial(_mapped, span), span)
    return StoredBlob(blob, legacy=False, count=prod(shape), numbers=dataset.dtype.name)


def _read(path: Path, name: str) -> Array:
    import h5py

    with h5py.File(path) as file:
        values: Any = file[name][()]
    return np.asarray(values, np.float32)


def _mapped(span: Span) -> Array:
    array = np.memmap(span.path, "<f4", "r", span.offset, (span.length // 4,))
    return np.asarray(array)
