from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import files
from bridge.caffe import Net, read
from bridge.caffe.shapes import infer
from bridge.errors import BridgeError, PrototxtError, UsageError
from tests.helpers.golden_cases import CASES, case

RELU = case("relu")


@pytest.mark.parametrize("which", ["prototxt", "caffemodel"])
def test_paths_that_cannot_be_read_are_refused(tmp_path: Path, which: str) -> None:
    for path, received in ((tmp_path / "no", "no such file"), (tmp_path, "a folder")):
        files = {"prototxt": RELU.prototxt, "caffemodel": RELU.caffemodel, which: path}
        with pytest.raises(UsageError, match=f"cannot read the {which}") as refusal:
            read(**files)
        assert refusal.value.received == received


def test_swapped_files_are_told() -> None:
    with pytest.raises(UsageError, match="swap the two files"):
        read(RELU.caffemodel, RELU.prototxt)


def test_two_binary_files_are_not_swapped() -> None:
    with pytest.raises(UsageError, match="is a binary file") as refusal:
        read(RELU.caffemodel, RELU.caffemodel)
    assert refusal.value.hint is None


def test_only_two_phases_are_known() -> None:
    with pytest.raises(UsageError, match="no such phase"):
        read(RELU.prototxt, phase="test")


def test_paths_may_be_strings_and_complaints_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(RELU.prototxt.read_text() + "\nfoo: 1\n")
    net = read(str(path), str(RELU.caffemodel))
    assert [str(complaint) for complaint in net.complaints] == ["unknown field 'foo' of the net"]


def test_an_error_of_wiring_names_the_fields_that_may_be_its_cause(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(
        """input: "x" input_shape { dim: 1 }
        layer { name: "a" type: "ReLU" bottom: "x" topp: "a" engine: 3 }
        layer { name: "b" type: "ReLU" bottom: "a" top: "b" }"""
    )
    with pytest.raises(PrototxtError, match="no earlier layer produces blob 'a'") as refused:
        read(path)
    hint = str(refused.value.hint)
    assert "net.prototxt:2: unknown field 'topp' of the layer; did you mean 'top'?" in hint
    assert "engine" not in hint


def test_weights_are_sought_after_the_net_was_seen(tmp_path: Path) -> None:
    seen: list[Net] = []
    read(RELU.prototxt, hold=seen.append)
    assert [net.name for net in seen] == [read(RELU.prototxt).name]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\n<!DOCTYPE html>\n<html>", "a web page"),
        (files.HDF5_MAGIC + bytes(9), "an HDF5 file"),
        ('name: "a"'.encode("utf-16"), "text in UTF-16"),
        (b'name: "a"\nlayer {\0\0', "2:8: the text contains NUL bytes"),
        (b"", "an empty file"),
        (b"read me first", "':' or '{' after the field name"),
    ],
)
def test_what_is_no_net_is_refused(tmp_path: Path, data: bytes, what: str) -> None:
    path = tmp_path / "net.prototxt"
    path.write_bytes(data)
    for caffemodel in (None, RELU.caffemodel):
        with pytest.raises(PrototxtError) as refusal:
            read(path, caffemodel)
        assert what in str(refusal.value)
        assert str(path) in str(refusal.value.where)


def test_real_models_read_with_all_their_weights(real_models: Path) -> None:
    folders = sorted(real_models.iterdir())
    assert folders
    for folder in folders:
        net = read(folder / "deploy.prototxt", folder / "weights.caffemodel")
        assert any(layer.blobs for layer in net.layers), folder.name
        assert len(net.warnings) == (folder.name == "mtcnn_det2"), folder.name


TOKEN = re.compile(r'"[^"\n]*"|\'[^\'\n]*\'|#[^\n]*\n|[\w.+-]+|\S')
TOKENS = ("0", "-1", "7", "4294967295", '"x"', "true", "MAX", "1e30", "{", "}", ":", "layer")


@settings(max_examples=200)
@given(st.data())
def test_mangled_nets_are_never_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    golden = data.draw(st.sampled_from(CASES))
    tokens = TOKEN.findall(golden.prototxt.read_text())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(tokens) - 1))
        change = data.draw(st.sampled_from([[], [tokens[at]] * 2, *([new] for new in TOKENS)]))
        tokens[at : at + 1] = change
    path = tmp_path_factory.mktemp("mangled") / "net.prototxt"
    path.write_text(" ".join(tokens))
    with suppress(BridgeError):
        infer(read(path, golden.caffemodel))
