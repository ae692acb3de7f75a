from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.caffe.files import weights
from bridge.caffe.files.blobs import StoredBlob
from bridge.caffe.write import write_caffemodel
from bridge.errors import WeightsError
from tests.helpers.golden_cases import CASES, Case

New = Callable[[str], Any]
VALUES = np.array([1.5, -2.25, 0.0, 3.0e38, 1e-40, 7.0], np.float32)


@pytest.fixture
def one_blob(tmp_path: Path) -> Callable[..., StoredBlob]:
    """Read back a file of one layer, whose one blob holds these bytes."""

    def read(blob: bytes) -> StoredBlob:
        payload = b"\x0a\x04conv" + b"\x3a" + _varint(len(blob)) + blob
        path = tmp_path / "net.caffemodel"
        path.write_bytes(b"\xa2\x06" + _varint(len(payload)) + payload)
        (layer,) = weights.read(path)
        assert layer.name == "conv"
        (stored,) = layer.blobs.values()
        return stored

    return read


def _varint(value: int) -> bytes:
    encoded = b""
    while value > 0x7F:
        encoded, value = encoded + bytes([value & 0x7F | 0x80]), value >> 7
    return encoded + bytes([value])


def _packed(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


SHAPE = _packed(7, _packed(1, bytes([2, 3])))


# ---- against protobuf's own reader -----------------------------------------------------------


def _expected(blob: Any) -> tuple[tuple[int, ...], bool]:
    """A blob's shape by its message, and whether that is of the legacy fields."""
    legacy = blob.HasField("num")
    dims = (blob.num, blob.channels, blob.height, blob.width) if legacy else blob.shape.dim
    return tuple(dims), legacy


@pytest.mark.parametrize("case", CASES, ids=str)
def test_golden_files_read_as_protobuf_reads_them(case: Case, new_message: New) -> None:
    net = new_message("NetParameter")
    net.ParseFromString(case.caffemodel.read_bytes())
    layers = [
        *[layer.layer if layer.HasField("layer") else layer for layer in net.layers],
        *net.layer,
    ]
    stored = weights.read(case.caffemodel)
    assert [layer.name for layer in stored] == [layer.name for layer in layers]
    for layer, expected in zip(stored, layers, strict=True):
        for blob, its in zip(layer.blobs.values(), expected.blobs, strict=True):
            assert (blob.blob.shape, blob.legacy) == _expected(its)
            values = np.array(its.double_data or its.data, np.float32)
            np.testing.assert_array_equal(blob.blob.array().ravel(), values)


@given(st.lists(st.floats(width=32, allow_nan=False), max_size=9), st.text(max_size=5))
def test_what_is_written_reads_back(
    tmp_path_factory: pytest.TempPathFactory, values: list[float], name: str
) -> None:
    path = tmp_path_factory.mktemp("w") / "net.caffemodel"
    array = np.array(values, np.float32)
    write_caffemodel(path, "net", [(name, "Convolution", [array, array[:1]])])
    (layer,) = weights.read(path)
    assert layer.name == name
    np.testing.assert_array_equal(layer.blobs[0].blob.array(), array)
    assert layer.blobs[1].blob.shape == array[:1].shape


# ---- encodings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        _packed(5, VALUES.tobytes()),
        b"".join(b"\x2d" + struct.pack("<f", v) for v in VALUES),
        _packed(5, VALUES[:2].tobytes()) + _packed(5, VALUES[2:].tobytes()),
        b"\x2d" + VALUES[:1].tobytes() + _packed(5, VALUES[1:].tobytes()),
        _packed(8, VALUES.astype("<f8").tobytes()),
        b"".join(b"\x41" + struct.pack("<d", v) for v in VALUES),
        _packed(5, VALUES.tobytes()) + _packed(6, bytes(24)),
        b"\x35\0\0\0\0" * 6 + _packed(5, VALUES.tobytes()),
        b"\x50\x01" + _packed(12, VALUES.tobytes()),
    ],
    ids=[
        "packed",
        "unpacked",
        "in parts",
        "mixed",
        "double",
        "unpacked double",
        "with diff",
        "unpacked diff",
        "raw float",
    ],
)
def test_encodings(one_blob: Callable[..., StoredBlob], data: bytes) -> None:
    for blob in (SHAPE + data, data + SHAPE):
        stored = one_blob(blob)
        assert (stored.blob.shape, stored.count, stored.legacy) == ((2, 3), 6, False)
        np.testing.assert_array_equal(stored.blob.array(), VALUES.reshape(2, 3))


def test_doubles_beyond_single_precision_are_infinite(
    one_blob: Callable[..., StoredBlob],
) -> None:
    stored = one_blob(SHAPE + _packed(8, np.full(6, -1e300).tobytes()))
    np.testing.assert_array_equal(stored.blob.array(), np.full((2, 3), -np.inf))


def test_half_precision(one_blob: Callable[..., StoredBlob]) -> None:
    halves = np.array([1.5, -2.25, 0, 6e4, 1e-7, 7], np.float16)
    stored = one_blob(SHAPE + b"\x50\x02" + _packed(12, halves.tobytes()))
    np.testing.assert_array_equal(stored.blob.array(), halves.astype(np.float32).reshape(2, 3))
    assert stored.blob.array().dtype == np.float32
    assert stored.blob.span is None


def test_shapes(one_blob: Callable[..., StoredBlob]) -> None:
    number = _packed(5, VALUES[:1].tobytes())
    scalar = one_blob(_packed(7, b"") + number)
    assert (scalar.blob.shape, scalar.blob.array().shape, scalar.legacy) == ((), (), False)
    assert one_blob(number).blob.shape == ()
    unpacked = one_blob(_packed(7, b"\x08\x01\x08\x01") + number)
    assert unpacked.blob.shape == (1, 1)
    legacy = one_blob(b"\x08\x01\x10\x01\x18\x01\x20\x01" + number)
    assert (legacy.blob.shape, legacy.legacy) == ((1, 1, 1, 1), True)


def test_a_span_points_at_the_very_bytes(tmp_path: Path) -> None:
    path = tmp_path / "net.caffemodel"
    write_caffemodel(path, "net", [("a", "", [VALUES]), ("bb", "", [VALUES[:3], VALUES[3:]])])
    for layer in weights.read(path):
        for stored in layer.blobs.values():
            span = stored.blob.span
            assert span is not None
            data = span.path.read_bytes()[span.offset : span.offset + span.length]
            assert data == stored.blob.array().tobytes()


def test_arrays_are_views_that_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "net.caffemodel"
    write_caffemodel(path, "net", [("a", "", [VALUES])])
    array = weights.read(path)[0].blobs[0].blob.array()
    assert not array.flags.owndata
    assert not array.flags.writeable


def test_names_may_occur_more_than_once(tmp_path: Path) -> None:
    path = tmp_path / "net.caffemodel"
    write_caffemodel(path, "net", [("a", "", [VALUES[:1]]), ("b", "", []), ("a", "", [VALUES])])
    layers = weights.read(path)
    assert [(layer.name, len(layer.blobs)) for layer in layers] == [("a", 1), ("b", 0), ("a", 1)]
    assert layers[2].blobs[0].count == 6


SCAN = """
import resource, sys
from pathlib import Path
from bridge.caffe.files import weights
layers = weights.read(Path(sys.argv[1]))
print(sum(blob.count for layer in layers for blob in layer.blobs.values()))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
print(layers[-1].blobs[0].blob.array()[-3:].tolist())
"""


def test_a_file_of_two_gigabytes_is_scanned_in_little_memory(tmp_path: Path) -> None:
    """11 layers of 200 MB of random bytes; the last three numbers of all are known."""
    random = np.random.default_rng(0).integers(0, 256, 200_000_000, np.uint8).view("<f4")
    path = tmp_path / "net.caffemodel"
    layers = ((f"l{i}", "", [random]) for i in range(11))
    try:
        write_caffemodel(path, "net", layers)
        with path.open("r+b") as file:
            file.seek(-12, 2)
            file.write(np.array([1, 2, 3], "<f4").tobytes())
        assert path.stat().st_size > 2.2e9
        # A process of its own, by way of a small one: a child's peak begins with its parent's size.
        command = [sys.executable, "-c", SCAN, str(path)]
        by_way = "import subprocess, sys; subprocess.run(sys.argv[1:], check=True)"
        done = subprocess.run(
            [sys.executable, "-c", by_way, *command], capture_output=True, text=True, check=True
        )
    finally:
        path.unlink(missing_ok=True)
    count, peak, values = done.stdout.splitlines()
    assert int(count) == 11 * 50_000_000
    assert int(peak) < 150e6
    assert values == "[1.0, 2.0, 3.0]"


# ---- what is no caffemodel -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"", "an empty file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "a Git LFS pointer"),
        (b"\n <!DOCTYPE html><html>", "a web page"),
        (b'name: "net"\nlayer {', "a prototxt"),
        (b"read me first", "a text file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
        (b"PK\x03\x04" + bytes(100), "zip"),
        (b"\x1f\x8b\x08" + bytes(100), "gzip"),
        (b"\x80\x02}q\x00", "pickle"),
        (b"\x08\xc8\x01\x12\x03abc", "solver state"),
        (b"\x0a\x03net", "no layers"),
        (b"\x01" + b"\xff" * 40, "does not end"),
        (b"\xa0\x06\x01", "a number instead of a layer"),
    ],
)
def test_other_files_are_named(tmp_path: Path, start: bytes, what: str) -> None:
    path = tmp_path / "net.caffemodel"
    path.write_bytes(start)
    with pytest.raises(WeightsError, match=what) as refusal:
        weights.read(path)
    assert str(refusal.value.where) == str(path)


def test_a_cut_file_is_refused_wherever_it_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "net.caffemodel"
    write_caffemodel(path, "net", [("conv", "Convolution", [VALUES.reshape(2, 3), VALUES[:2]])])
    whole = path.read_bytes()
    for size in range(6, len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(WeightsError, match=r"damaged|no layers"):
            weights.read(path)


# Fields of layers: convolution_param, of all Caffes, and one that each fork has for itself.
CONVOLUTION, OWN = 106, 150


@pytest.mark.parametrize("number", [CONVOLUTION, OWN])
def test_what_no_caffe_could_read_is_refused_and_what_a_fork_may_have_is_not(
    number: int, tmp_path: Path
) -> None:
    path = tmp_path / "net.caffemodel"
    layer = _packed(1, b"conv") + _packed(7, SHAPE + _packed(5, VALUES.tobytes()))
    cut_off = _packed(number, b"\x52\x7f")  # a field of 127 bytes, of which there is none
    path.write_bytes(_packed(100, layer + cut_off))
    if number == CONVOLUTION:
        with pytest.raises(WeightsError, match="damaged in what describes its layers"):
            weights.read(path)
    else:
        (stored,) = weights.read(path)
        assert np.array_equal(stored.blobs[0].blob.array().ravel(), VALUES)


@given(st.binary(min_size=1, max_size=60))
def test_garbage_is_never_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, garbage: bytes
) -> None:
    path = tmp_path_factory.mktemp("g") / "net.caffemodel"
    path.write_bytes(b"\xa2\x06" + _varint(len(garbage)) + garbage)
    try:
        for layer in weights.read(path):
            for stored in layer.blobs.values():
                assert stored.blob.read().shape == (stored.count,)
    except WeightsError:
        pass
