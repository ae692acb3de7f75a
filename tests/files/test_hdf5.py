"""HDF5 files that show other files, or say more than they have: each is refused in clear words.

What such a file asks for is little, and the memory that one array may take is set to a megabyte.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest

from bridge.caffe.reader import stored_layers
from bridge.errors import BridgeError, InternalError
from bridge.files import memory
from bridge.inspection import inspect
from bridge.types import Array


@pytest.fixture(autouse=True)
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.VARIABLE, "1M")


def _numbers(path: Path) -> Array:
    return stored_layers(path)[0].blobs[0].blob.array()


def refused(read: Callable[[], object], words: str) -> None:
    with pytest.raises(BridgeError, match=words) as refusal:
        read()
    assert not isinstance(refusal.value, InternalError)


KINDS = ("external storage", "a virtual dataset", "an external link", "a symbolic link")


def elsewhere(kind: str, folder: Path) -> Path:
    """A caffemodel of which a blob lies in another file, or at another position of its own."""
    path, other = folder / "net.caffemodel.h5", folder / "other.h5"
    (folder / "secret").write_bytes(bytes(64))
    with h5py.File(other, "w") as file:
        file["data"] = np.zeros((1, 4), np.float32)
    with h5py.File(path, "w") as file:
        group = file.create_group("data/conv")
        if kind == "external storage":
            group.create_dataset("0", (16,), "f4", external=[(folder / "secret", 0, 64)])
        elif kind == "a virtual dataset":
            layout = h5py.VirtualLayout((1, 4), "f4")
            layout[:] = h5py.VirtualSource(other, "data", (1, 4))
            group.create_virtual_dataset("0", layout)
        else:
            external = kind == "an external link"
            group["0"] = h5py.ExternalLink(other, "/data") if external else h5py.SoftLink("/data")
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_hdf5_that_shows_other_files(kind: str, tmp_path: Path) -> None:
    path = elsewhere(kind, tmp_path)
    refused(lambda: inspect([path]), f"does not lie in the file.*\n.*\n.*{kind}")


MUCH = "too much memory"
UNSTORED = "does not have the numbers of '/data/conv/0'"
CONTENTS: dict[str, tuple[dict[str, object], str]] = {
    "chunks of which none is there": ({"shape": 10**9, "dtype": "f8", "chunks": True}, UNSTORED),
    "numbers that are nowhere": ({"shape": 10**9, "dtype": "f4"}, UNSTORED),
    "few numbers that are nowhere": ({"shape": 4, "dtype": "f4"}, UNSTORED),
    "packed chunks that are nowhere": ({"shape": 10**9, "dtype": "f4", "compression": 9}, UNSTORED),
    "zeros that are packed": ({"data": np.zeros(2**19, np.float32), "compression": 9}, MUCH),
    "a chunk beyond the numbers": (
        {"data": np.zeros(4, "f8"), "maxshape": (None,), "chunks": (2**18,), "compression": 9},
        MUCH,
    ),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_hdf5_that_asks_for_much(name: str, tmp_path: Path) -> None:
    dataset, words = CONTENTS[name]
    path = tmp_path / "net.caffemodel.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("data/conv/0", **dataset)
    refused(partial(_numbers, path), words)
    assert path.stat().st_size < 20_000
