"""Mutators: the same seed makes the same file, and most files can still be read."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from itertools import islice
from random import Random
from typing import Any

import h5py
import numpy as np
import onnx
import pytest

from tests.fuzz.harnesses import HARNESSES
from tests.fuzz.mutators import of_arrays, of_bytes

TRIES = 40


def opened_zip(data: bytes) -> object:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.testzip()


def hdf5(data: bytes) -> object:
    with h5py.File(io.BytesIO(data)) as file:
        return list(file)


READERS: dict[str, Callable[[bytes], Any]] = {
    "onnx": onnx.ModelProto.FromString,
    "npz": opened_zip,
    "keras": opened_zip,
    "hdf5": hdf5,
    "prototxt": bytes.decode,
}


@pytest.mark.parametrize("name", READERS)
def test_most_files_can_be_read_and_are_others(name: str) -> None:
    harness, read = HARNESSES[name], READERS[name]
    (data,) = islice(harness.seeds(), 1)
    files = [harness.mutate(data, Random(seed)) for seed in range(TRIES)]
    assert files[: TRIES // 2] == [harness.mutate(data, Random(n)) for n in range(TRIES // 2)]
    assert len({*files, data}) > TRIES // 2
    readable = 0
    for file in files:
        try:
            read(file)
        except Exception:  # noqa: BLE001 (each reader has its own)
            continue
        readable += 1
    assert readable > TRIES * 0.6


@pytest.mark.parametrize("name", HARNESSES)
def test_what_cannot_be_read_is_changed_too(name: str) -> None:
    for data in (b"", b"text", b"\xff" * 9, b"PK\x03\x04"):
        for seed in range(5):
            assert isinstance(HARNESSES[name].mutate(data, Random(seed)), bytes)


def test_arrays_stay_readable_or_have_another_header() -> None:
    file = io.BytesIO()
    np.save(file, np.zeros((2, 3), np.float32))
    headers = {of_arrays(file.getvalue(), Random(seed))[:80] for seed in range(TRIES)}
    assert len(headers) > TRIES // 4
    assert of_bytes(b"", Random(0)) == b""
