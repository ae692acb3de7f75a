"""Which names a call may write to."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import bridge
from bridge.errors import BridgeError, UsageError
from bridge.files.outputs import refuse_collisions, writable
from tests.helpers.golden_cases import case

NET = case("conv_basic_k3")


def symlink(path: Path, to: Path) -> None:
    path.symlink_to(to)


def hard_link(path: Path, to: Path) -> None:
    path.hardlink_to(to)


def indirect(path: Path, to: Path) -> None:
    (path.parent / "folder").symlink_to(to.parent)
    path.symlink_to(path.parent / "folder" / to.name)


@pytest.mark.parametrize("link", [symlink, hard_link, indirect])
def test_an_input_is_no_output_under_any_name(
    link: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    read = tmp_path / "net.prototxt"
    read.write_text("what is read")
    link(tmp_path / "link.onnx", read)
    for path in (read, tmp_path / "link.onnx", tmp_path / "." / ".." / tmp_path.name / read.name):
        with pytest.raises(UsageError, match=r"overwrite.*\n.*net\.prototxt"):
            refuse_collisions({"the graph": path}, [tmp_path / "other", read])
    refuse_collisions({"the graph": tmp_path / "net.onnx"}, [read])


def test_two_outputs_are_two_files(tmp_path: Path) -> None:
    (tmp_path / "b").symlink_to(tmp_path / "a")  # neither is there
    with pytest.raises(UsageError, match="the model and its map are the same file"):
        refuse_collisions({"the model": tmp_path / "a", "its map": tmp_path / "b"}, [])


def test_a_file_in_a_folder_that_is_read_is_an_input(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "one.html").touch()
    with pytest.raises(UsageError, match="overwrite"):
        refuse_collisions({"the report": tmp_path / "images" / "one.html"}, [tmp_path / "images"])
    refuse_collisions({"the report": tmp_path / "images" / "new.html"}, [tmp_path / "images"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("net.pb", r"unknown kind of output\n  expected: a name ending in \.onnx"),
        ("nowhere/net.onnx", "no such folder"),
        ("file/net.onnx", "a file, not a folder"),
        ("folder.onnx", "give the file a name"),
        ("pipe.onnx", "a pipe or a device"),
        ("device.onnx", "a pipe or a device"),
        (f"{'n' * 300}.onnx", "File name too long"),
    ],
)
def test_where_nothing_can_be_written(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.onnx").mkdir()
    os.mkfifo(tmp_path / "pipe.onnx")
    (tmp_path / "device.onnx").symlink_to(os.devnull)
    with pytest.raises(UsageError, match=message):
        writable(tmp_path / name, (".onnx",))


def test_a_url_cannot_be_written_to() -> None:
    with pytest.raises(UsageError, match=r"https://a\.b/net\.onnx: cannot write to a URL"):
        writable(Path("https://a.b/net.onnx"), (".onnx",))


def test_what_cannot_be_written_is_refused_before_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    with pytest.raises(UsageError, match="the folder is read-only"):
        writable(tmp_path / "net.onnx", (".onnx",))
    monkeypatch.setattr(os, "access", lambda path, mode: path == tmp_path)
    (tmp_path / "net.onnx").touch()
    with pytest.raises(UsageError, match="the file is read-only"):
        writable(tmp_path / "net.onnx", (".onnx",))


def test_names_may_be_any_bytes(tmp_path: Path) -> None:
    output = tmp_path / os.fsdecode(b"q\xff.onnx")
    bridge.caffe_to_onnx(NET.prototxt, NET.caffemodel, output)
    assert output.is_file()


class TestVerbs:
    """Each refuses what it would overwrite, and leaves it as it was."""

    @pytest.fixture
    def net(self, tmp_path: Path) -> Path:
        for source in (NET.prototxt, NET.caffemodel):
            (tmp_path / source.name).write_bytes(source.read_bytes())
        (tmp_path / "plugin.py").touch()
        np.save(tmp_path / "mean.npy", np.zeros(3))
        bridge.caffe_to_onnx(tmp_path / "net.prototxt", None, tmp_path / "graph.onnx", check=False)
        return tmp_path

    @pytest.mark.parametrize("name", ["net.prototxt", "net.caffemodel", "plugin.py", "mean.npy"])
    @pytest.mark.parametrize("verb", [bridge.caffe_to_onnx, bridge.caffe_to_keras])
    def test_from_caffe(self, verb: Callable[..., object], name: str, net: Path) -> None:
        before = (net / name).read_bytes()
        options = {"plugin": net / "plugin.py", "mean": net / "mean.npy"}
        with pytest.raises(UsageError, match="overwrite"):
            verb(net / "net.prototxt", net / "net.caffemodel", net / name, **options)
        assert (net / name).read_bytes() == before

    def test_the_map_of_a_model(self, net: Path) -> None:
        with pytest.raises(UsageError, match="overwrite"):
            bridge.onnx_to_keras(net / "graph.onnx", map=net / "graph.onnx")
        with pytest.raises(UsageError, match="the same file"):
            bridge.onnx_to_keras(net / "graph.onnx", net / "net.keras", map=net / "net.keras")
        with pytest.raises(UsageError, match="unknown kind of map"):
            bridge.onnx_to_keras(net / "graph.onnx", map=net / "map.txt")

    def test_external_weights_of_a_graph(self, net: Path) -> None:
        import onnx

        proto = onnx.load(net / "graph.onnx")
        onnx.save(
            proto, net / "g.onnx", save_as_external_data=True, location="w.keras", size_threshold=0
        )
        before = (net / "w.keras").read_bytes()
        with pytest.raises(UsageError, match="overwrite"):
            bridge.onnx_to_keras(net / "g.onnx", net / "w.keras")
        assert (net / "w.keras").read_bytes() == before

    def test_from_keras(self, net: Path) -> None:
        with pytest.raises(UsageError, match="overwrite"):
            bridge.keras_to_onnx(net / "graph.onnx", net / "graph.onnx")

    def test_the_report_of_a_check(self, net: Path) -> None:
        for name in ("graph.onnx", "net.caffemodel", "mean.npy"):
            with pytest.raises(UsageError, match="overwrite"):
                bridge.check(
                    (net / "net.prototxt", net / "net.caffemodel"),
                    net / "graph.onnx",
                    images=net / "one.png",
                    mean=net / "mean.npy",
                    report=net / name,
                )

    def test_half_precision_cannot_be_linked(self, net: Path) -> None:
        with pytest.raises(UsageError, match="half precision cannot be linked"):
            bridge.caffe_to_onnx(
                net / "net.prototxt",
                net / "net.caffemodel",
                net / "half.onnx",
                fp16=True,
                weights="linked",
            )

    def test_nothing_to_link_is_said(self, net: Path) -> None:
        with pytest.raises(BridgeError, match="no weight can be linked"):
            bridge.caffe_to_onnx(net / "net.prototxt", None, net / "n.onnx", weights="linked")
        assert not (net / "n.onnx").exists()
