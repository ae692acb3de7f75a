"""HDF5, the file of Caffe's weights and of older Keras models, which may refer to other files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from bridge.errors import Location, UsageError, WeightsError, words_of
from bridge.files.inputs import HDF5_MAGIC, glance
from bridge.files.memory import refuse_large
from bridge.public.extras import pip_install
from bridge.types import Array

if TYPE_CHECKING:
    import h5py


def is_hdf5(path: Path) -> bool:
    return glance(path).startswith(HDF5_MAGIC)


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """h5py has no class for what a damaged file makes it raise."""
    try:
        yield
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            "the HDF5 file is damaged", where=Location.of(path), received=words_of(error)
        ) from error


@contextmanager
def opened(path: Path, member: IO[bytes] | None = None) -> Iterator[h5py.File]:
    """An HDF5 file, or one that is a member of the file, to be read. Raises UsageError if h5py is
    missing, WeightsError while it is read if the file is damaged."""
    try:
        import h5py
    except ImportError:
        raise UsageError(
            "h5py is needed to read HDF5 files",
            where=Location.of(path),
            hint=pip_install("hdf5"),
        ) from None
    with damage_told(path), h5py.File(member or path) as file:
        yield file


def refuse_foreign(path: Path) -> None:
    """Refuses an HDF5 file that has anything in other files: it could show any file that the user
    may read as weights. Errors: WeightsError, also where the file is damaged."""
    with opened(path) as file:
        for _ in datasets(path, file):
            pass


def datasets(path: Path, top: h5py.Group) -> Iterator[tuple[str, h5py.Dataset]]:
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
            item = own(path, group, key)
            if isinstance(item, h5py.Dataset):
                yield f"{above}{key}", item
            elif isinstance(item, h5py.Group):
                below.append((f"{above}{key}/", item, around | {address}))
        waiting += reversed(below)


def values(path: Path, dataset: h5py.Dataset) -> Array:
    """All numbers of a dataset; of one that has none, none. Raises UsageError where they would take
    too much memory: of the same ones DEFLATE makes a thousandth."""
    import numpy as np

    chunk = prod(dataset.chunks or ()) * dataset.dtype.itemsize  # which is read as a whole
    refuse_large(max(dataset.nbytes, chunk), f"'{dataset.name}'", path)
    return np.asarray(() if dataset.shape is None else dataset[()])


def own(path: Path, group: h5py.Group, key: str) -> Any:
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
        _refuse_unstored(path, item)
    return item


_DEFLATE = 1032  # bytes of which it makes one, at most


def _refuse_unstored(path: Path, dataset: h5py.Dataset) -> None:
    """Refuses a dataset of more numbers than the file has bytes for. HDF5 makes zeros of those that
    were never written, and one chunk may be stored as many: a few bytes would be any amount.

    A filter may make more of what is stored; each is taken for DEFLATE, that of `gzip`. Filters
    that say nothing more shortly, as of scale and offset, are refused where they do.
    """
    stored = min(dataset.id.get_storage_size(), dataset.file.id.get_filesize())
    most = stored * _DEFLATE if dataset.id.get_create_plist().get_nfilters() else stored
    if dataset.shape is not None and most < dataset.nbytes:
        raise WeightsError(
            f"the file does not have the numbers of '{dataset.name}'",
            where=Location.of(path),
            expected=f"{dataset.nbytes:,} bytes, for {dataset.dtype} of {dataset.shape}",
            received=f"{stored:,} bytes",
            hint="was it written to its end? If they are all one fill value, write them out",
        )


def _foreign(path: Path, name: str, received: str) -> WeightsError:
    return WeightsError(
        f"'{name}' does not lie in the file itself",
        where=Location.of(path),
        expected="datasets that the file holds, as Caffe and Keras write them",
        received=received,
        hint="copy it with what it refers to: h5repack, or h5py's copy with expand_external and "
        "expand_soft",
    )
