"""Caffe's other weight file, HDF5: `.caffemodel.h5`, in which each blob is a dataset.

`data/<layer>/<index>` is a blob. Blobs shared with an earlier layer are left out, and there is no
definition of the net. (Source: Net::ToHDF5 and Net::CopyTrainedLayersFromHDF5 in
src/caffe/net.cpp, hdf5_save_nd_dataset in src/caffe/util/hdf5.cpp)
"""

from __future__ import annotations

from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bridge.caffe.files.blobs import StoredBlob
from bridge.caffe.files.weights import StoredLayer
from bridge.caffe.net import Blob
from bridge.errors import Location, WeightsError
from bridge.files.hdf5 import datasets, opened, own, values
from bridge.layout import Span
from bridge.types import Array

if TYPE_CHECKING:
    import h5py


def read(path: Path) -> tuple[StoredLayer, ...]:
    """The layers of an HDF5 caffemodel, their values unread.

    Errors: UsageError where h5py is not installed; WeightsError where the file is damaged, or is
    HDF5 of another kind.
    """
    with opened(path) as file:
        import h5py

        data = file.get("data", getlink=True) and own(path, file, "data")
        layers = _layers(path, data) if isinstance(data, h5py.Group) else ()
    if not layers:
        raise WeightsError(
            "the HDF5 file contains no Caffe weights",
            where=Location.of(path),
            expected="datasets data/<layer>/<index>, as Caffe's snapshot_format: HDF5 writes them",
        )
    return layers


def _layers(path: Path, data: h5py.Group) -> tuple[StoredLayer, ...]:
    """The group's datasets, by the path above them: names of layers may have slashes."""
    blobs: dict[str, dict[int, StoredBlob]] = {}
    for name, dataset in datasets(path, data):
        layer, _, index = name.rpartition("/")
        is_blob = dataset.shape is not None and dataset.dtype.kind == "f"
        if layer and index.isdecimal() and is_blob:
            blobs.setdefault(layer, {})[int(index)] = _stored_blob(path, dataset)
    return tuple(
        StoredLayer(layer, dict(sorted(own_blobs.items())), "HDF5")
        for layer, own_blobs in blobs.items()
    )


def _stored_blob(path: Path, dataset: h5py.Dataset) -> StoredBlob:
    shape = tuple(map(int, dataset.shape))
    offset = dataset.id.get_offset()
    blob = Blob(shape, partial(_read, path, dataset.name))
    if offset is not None and dataset.dtype == np.dtype("<f4"):
        span = Span(path, offset, 4 * prod(shape))
        if span.offset + span.length > path.stat().st_size:
            raise OSError(f"{dataset.name} extends beyond the end of the file")
        blob = Blob(shape, partial(_mapped, span), span)
    return StoredBlob(blob, legacy=False, count=prod(shape), dtype=dataset.dtype.name)


def _read(path: Path, name: str) -> Array:
    with opened(path) as file:
        return np.asarray(values(path, file[name]), np.float32)


def _mapped(span: Span) -> Array:
    array = np.memmap(span.path, "<f4", "r", span.offset, (span.length // 4,))
    return np.asarray(array)
