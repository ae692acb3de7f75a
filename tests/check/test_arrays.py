"""An .npz that anybody may have written."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from bridge.check.arrays import Arrays
from bridge.errors import UsageError


def test_arrays_are_read_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", one=[1, 2], half=np.float16([0.5]), no=[False])
    arrays = Arrays.of(tmp_path / "a.npz")
    assert arrays.names == ["one", "half", "no"]
    assert [arrays[name].tolist() for name in arrays.names] == [[1, 2], [0.5], [False]]


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\3\4cut"])
def test_what_is_no_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(UsageError, match=r"not an \.npz of arrays"):
        Arrays.of(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array(["a"]), "'x' is not numeric\n  received: <U1"),
        (np.array([{}], object), "cannot read the array 'x'"),
    ],
)
def test_what_is_no_numbers_is_refused_when_it_is_read(
    array: np.ndarray, message: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "a.npz", x=array, y=np.ones(1))
    arrays = Arrays.of(tmp_path / "a.npz")
    assert arrays["y"] == 1
    with pytest.raises(UsageError, match=message):
        arrays["x"]


def test_a_damaged_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=np.random.default_rng(0).random(1000))
    content = bytearray(path.read_bytes())
    content[500:600] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(UsageError, match="cannot read the array 'x'"):
        Arrays.of(path)["x"]


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npz")
    with pytest.raises(UsageError, match="cannot read the recording"):
        Arrays.of(tmp_path / "a.npz")
