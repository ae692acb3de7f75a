from __future__ import annotations

import gzip
import io
import os
import pickle
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import helper

from bridge import files
from bridge.errors import UsageError
from bridge.files.inputs import GLANCE
from tests.helpers.golden_cases import CASES


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "{}")
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("net.prototxt"))
    return file.getvalue()


def saved(array: NDArray[Any], *, many: bool = False) -> bytes:
    file = io.BytesIO()
    np.savez(file, a=array) if many else np.save(file, array)
    return file.getvalue()


GRAPH = helper.make_model(
    helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [], []), producer_name="me"
)
TEXT = 'name: "net"\nlayer { name: "a" }\n'


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", "an empty file"),
        (bytes(5000), "a file of zeros"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "a Git LFS pointer"),
        (TEXT.encode("utf-16"), "text in UTF-16"),
        (TEXT.encode("utf-16-le"), "text in UTF-16"),
        (TEXT.encode("utf-16-be"), "text in UTF-16"),
        (b"https://a.b/net.prototxt\n", "a link"),
        (b"[InternetShortcut]\r\nURL=https://a.b\r\n", "a link"),
        (b"\n\n<!DOCTYPE html>\n<html>", "a web page (HTML)"),
        (b"\xef\xbb\xbf<html>", "a web page (HTML)"),
        (b'<?xml version="1.0"?>', "an XML file"),
        (b"404: Not Found", "a server's error message"),
        (b'{"message": "Not Found"}', "a JSON file"),
        (b"# yolo\n[net]\nbatch=1\n", "a net of Darknet (.cfg)"),
        (b"7767517\n75 83\n", "a net of ncnn (.param)"),
        (zipped("metadata.json", "config.json"), "a Keras model (.keras)"),
        (zipped("archive/data.pkl"), "a PyTorch checkpoint"),
        (saved(np.zeros(2), many=True), "a NumPy archive (.npz)"),
        (zipped("net.prototxt"), "a zip archive"),
        (gzip.compress(b"x"), "a gzip archive"),
        (tarred(), "a tar archive"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "a 7z archive"),
        (files.HDF5_MAGIC + bytes(100), "an HDF5 file"),
        (pickle.dumps({}, 2), "a Python pickle, perhaps a PyTorch checkpoint"),
        (saved(np.zeros(2)), "a NumPy array (.npy)"),
        (b"\x89PNG\r\n\x1a\n", "an image"),
        (b"\x1c\0\0\0TFL3", "a TensorFlow Lite model"),
        (b"\x08\1\x10\3\x18\x80\2\x20\x80\2", "a mean image (.binaryproto)"),
        (b"\x08\x10\x12\x13snap_iter.caffemodel\x1a", "a solver state"),
        (b"\x08\xc8\1\x12\3abc", "a solver state"),
        (GRAPH.SerializeToString(), "an ONNX graph"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # archives hold the time
)
def test_files_are_told_by_their_first_bytes(tmp_path: Path, data: bytes, name: str) -> None:
    path = tmp_path / "net.prototxt"
    path.write_bytes(data)
    kind = files.of(path)
    assert kind is not None
    assert kind.name == name


def test_caffes_own_files_are_not_taken_for_others() -> None:
    for case in CASES:
        for path in (case.prototxt, case.caffemodel):
            assert files.identify(files.glance(path)) is None, path


@pytest.mark.parametrize("size", range(1, 300))
def test_a_caffemodel_whose_name_has_any_length_is_none_of_them(size: int) -> None:
    """Its second byte is the length, and the first a line feed."""
    length = bytes([size]) if size < 128 else bytes([size & 0x7F | 0x80, size >> 7])
    start = b"\x0a" + length + b"n" * size + b"\xa2\x06\x07\x0a\x01a\x12\x02Re"
    assert files.identify(start[:GLANCE]) is None
    assert files.looks_binary(start[:GLANCE])


def test_text_with_nuls_is_text() -> None:
    damaged = TEXT.encode() + b"\0\0" + TEXT.encode()
    assert not files.looks_binary(damaged)
    assert files.looks_like_prototxt(damaged)


@pytest.mark.parametrize(
    ("path", "received", "hint"),
    [
        ("delpoy.prototxt", "no such file", "did you mean 'deploy.prototxt'?"),
        ("quite_other", "no such file", "the folder has deploy.prototxt, net.caffemodel"),
        ("models/net/deploy.prototxt", "no such file", "there is no folder {}/models/net"),
        ("", "a folder", "the folder has deploy.prototxt, net.caffemodel"),
    ],
)
def test_a_path_at_which_there_is_no_file_says_what_may_be_meant(
    tmp_path: Path, path: str, received: str, hint: str | None
) -> None:
    for name in ("deploy.prototxt", "net.caffemodel", "notes.txt"):
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match="cannot read the prototxt") as refusal:
        files.readable(tmp_path / path, "prototxt")
    assert refusal.value.received == received
    assert refusal.value.hint == (hint and hint.format(tmp_path))
    assert files.readable(tmp_path / "notes.txt", "notes") == tmp_path / "notes.txt"


def test_a_url_is_no_path() -> None:
    with pytest.raises(UsageError, match="cannot read the prototxt") as refusal:
        files.readable(Path("https://a.b/deploy.prototxt"), "prototxt")
    assert str(refusal.value.where) == "https://a.b/deploy.prototxt"
    assert refusal.value.received == "a URL"
    assert refusal.value.hint == "download it first: curl -LO https://a.b/deploy.prototxt"


def test_a_pipe_is_called_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "net.prototxt")
    with pytest.raises(UsageError, match="received: a pipe or a device"):
        files.readable(tmp_path / "net.prototxt", "prototxt")
