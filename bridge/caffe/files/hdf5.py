"""Caffe's other weight file, HDF5: `.caffemodel.h5`, in which each blob is a dataset.

`data/<layer>/<index>` holds a blob. What a layer shares with an earlier one is left out, and there
is no definition of the net. (Source: Net::ToHDF5 and Net::CopyTrainedLayersFromHDF5 in
src/caffe/net.cpp, hdf5_save_nd_dataset in src/caffe/util/hdf5.cpp)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge import files
from bridge.caffe.files.blobs import StoredBlob
from bridge.caffe.files.weights import StoredLayer
from bridge.caffe.net import Array, Blob, Span
from bridge.errors import Location, UsageError, WeightsError, words_of

if TYPE_CHECKING:
    import h5py


def is_hdf5(path: Path) -> bool:
    return files.glance(path).startswith(files.HDF5_MAGIC)


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
    with _damage_told(path), h5py.File(path) as file:
        data = file.get("data", getlink=True) and _own(path, file, "data")
        layers = _layers(path, data) if isinstance(data, h5py.Group) else ()
    if not layers:
        raise WeightsError(
            "this HDF5 file holds no Caffe weights",
            where=Location.of(path),
            expected="datasets data/<layer>/<index>, as Caffe's snapshot_format: HDF5 writes them",
        )
    return layers


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """h5py has no class for what a damaged file makes it raise."""
    try:
        yield
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            "the HDF5 file is damaged", where=Location.of(path), received=words_of(error)
        ) from error


def _layers(path: Path, data: h5py.Group) -> tuple[StoredLayer, ...]:
    """The group's datasets, by what lies above them: names of layers may have slashes."""
    found: dict[str, dict[int, StoredBlob]] = {}
    for place, dataset in _datasets(path, data):
        layer, _, index = place.rpartition("/")
        is_blob = dataset.shape is not None and dataset.dtype.kind == "f"
        if layer and index.isdecimal() and is_blob:
            found.setdefault(layer, {})[int(index)] = _stored_blob(path, dataset)
    return tuple(
        StoredLayer(layer, dict(sorted(blobs.items())), "HDF5") for layer, blobs in found.items()
    )


def _stored_blob(path: Path, dataset: h5py.Dataset) -> StoredBlob:
    shape = tuple(map(int, dataset.shape))
    offset = dataset.id.get_offset()
    blob = Blob(shape, partial(_read, path, dataset.name))
    if offset is not None and dataset.dtype == np.dtype("<f4"):
        span = Span(path, offset, 4 * prod(shape))
        if span.offset + span.length > path.stat().st_size:
            raise OSError(f"{dataset.name} ends behind the end of the file")
        blob = Blob(shape, partial(_mapped, span), span)
    return StoredBlob(blob, legacy=False, count=prod(shape), dtype=dataset.dtype.name)


def _read(path: Path, name: str) -> Array:
    import h5py

    with _damage_told(path), h5py.File(path) as file:
        values: Any = file[name][()]
    return np.asarray(values, np.float32)


def _mapped(span: Span) -> Array:
    array = np.memmap(span.path, "<f4", "r", span.offset, (span.length // 4,))
    return np.asarray(array)


# ---- what lies in other files ----------------------------------------------------------------


def refuse_foreign(path: Path) -> None:
    """Refuses an HDF5 file that has anything in other files: it could show any file that the user
    may read as weights. Errors: WeightsError, also where the file is damaged."""
    import h5py

    with _damage_told(path), h5py.File(path) as file:
        for _ in _datasets(path, file):
            pass


def _datasets(path: Path, top: h5py.Group) -> Iterator[tuple[str, h5py.Dataset]]:
    """All datasets below a group, by their names there. Errors: WeightsError for one that is not
    in the file itself, and for groups without an end."""
    import h5py

    waiting = [("", top, frozenset[int]())]
    while waiting:
        above, group, around = waiting.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in around:
            raise _foreign(path, group.name, "a group that lies within itself")
        below = []
        for key in group:
            item = _own(path, group, key)
            if isinstance(item, h5py.Dataset):
                yield f"{above}{key}", item
            elif isinstance(item, h5py.Group):
                below.append((f"{above}{key}/", item, around | {address}))
        waiting += reversed(below)


def _own(path: Path, group: h5py.Group, key: str) -> Any:
    """What a group holds under a name, where it lies in the file itself."""
    import h5py

    name = f"{group.name.rstrip('/')}/{key}"
    link = group.get(key, getlink=True)
    if not isinstance(link, h5py.HardLink):
        kind = "an external link" if isinstance(link, h5py.ExternalLink) else "a symbolic link"
        raise _foreign(path, name, kind)
    item = group[key]
    if isinstance(item, h5py.Dataset):
        if item.external:
            raise _foreign(path, name, f"external storage in {item.external[0][0]}")
        if item.is_virtual:
            raise _foreign(path, name, "a virtual dataset")
    return item


def _foreign(path: Path, name: str, received: str) -> WeightsError:
    return WeightsError(
        f"'{name}' does not lie in the file itself",
        where=Location.of(path),
        expected="datasets that the file holds, as Caffe and Keras write them",
        received=received,
        hint="copy it with what it refers to: h5repack, or h5py's copy with expand_external and "
        "expand_soft",
    )
