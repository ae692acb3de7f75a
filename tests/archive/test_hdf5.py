"""HDF5 files that are written without HDF5, as the library itself reads them."""

from __future__ import annotations

import io
from typing import Any

import h5py
import numpy as np
import pytest

from bridge.archive.hdf5 import Dataset, frame
from bridge.errors import UnsupportedError

DTYPES = "float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64".split()
SHAPES: list[tuple[int, ...]] = [(), (3,), (2, 3), (5, 0, 2), (2, 1, 3, 2), (1,) * 8]


def written(arrays: dict[str, Any]) -> bytes:
    datasets = [Dataset(path, array.shape, array.dtype) for path, array in arrays.items()]
    around = frame(datasets)
    parts = [around.before]
    for dataset, array in zip(datasets, arrays.values(), strict=True):
        parts += [array.tobytes(), around.padding(dataset)]
    return b"".join([*parts, around.after])


def read(content: bytes) -> dict[str, Any]:
    arrays_read: dict[str, Any] = {}
    with h5py.File(io.BytesIO(content)) as file:
        file.visititems(
            lambda path, item: (
                arrays_read.update({path: item[()]}) if isinstance(item, h5py.Dataset) else None
            )
        )
    return arrays_read


def assert_read_back(arrays: dict[str, Any]) -> None:
    arrays_read = read(written(arrays))
    assert arrays_read.keys() == arrays.keys()
    for path, array in arrays.items():
        assert (arrays_read[path].dtype, arrays_read[path].shape) == (array.dtype, array.shape), (
            path
        )
        np.testing.assert_array_equal(arrays_read[path], array)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_and_shape_is_read_back(dtype: str) -> None:
    random = np.random.default_rng(0)
    drawn = [np.asarray(random.normal(0, 40, shape)) for shape in SHAPES]
    assert_read_back({f"a/b{i}/{i}": np.abs(array).astype(dtype) for i, array in enumerate(drawn)})


# A node of a group holds 8 names, one of the tree above it 32 nodes, and so on.
@pytest.mark.parametrize("count", [0, 1, 8, 9, 256, 257, 8193])
def test_a_group_of_any_size_is_read_back(count: int) -> None:
    content = written({f"layers/l{i}": np.float32(i) for i in range(count)})
    with h5py.File(io.BytesIO(content)) as file:
        assert len(file.get("layers", ())) == count
        for index in {0, 7, 8, count // 2, count - 1} & {*range(count)}:
            assert file[f"layers/l{index}"][()] == index
        assert f"layers/l{count}" not in file


def test_names_are_found_whatever_their_length_and_letters() -> None:
    assert_read_back({f"{'ä' * n}/{'x' * n}": np.arange(n) for n in range(1, 20)})


def test_arrays_are_aligned_in_their_file() -> None:
    with h5py.File(io.BytesIO(written({"a": np.zeros(3, np.uint8), "b": np.zeros(2)}))) as file:
        assert file["b"].id.get_offset() % 8 == 0


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="complex64"):
        frame([Dataset("layers/vars/0", (2,), np.dtype(np.complex64))])
