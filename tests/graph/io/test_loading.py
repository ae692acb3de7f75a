from __future__ import annotations

from pathlib import Path

import pytest

from bridge.errors import GraphError, UsageError
from bridge.graph.io import load, save
from bridge.lower import LoweredModel


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the ONNX graph"):
        load(tmp_path / "net.onnx")


def test_no_onnx_file(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"\xff" * 99)
    with pytest.raises(GraphError, match="not an ONNX file"):
        load(tmp_path / "net.onnx")


@pytest.mark.parametrize("keep", [0, 100])
def test_weights_are_gone(lowered: LoweredModel, tmp_path: Path, keep: int) -> None:
    path = save(lowered, tmp_path / "net.onnx", weights="external")
    data = tmp_path / "net.onnx.data"
    if keep:
        data.write_bytes(data.read_bytes()[:keep])
    else:
        data.unlink()
    with pytest.raises(GraphError, match=r"net\.onnx\.data"):
        load(path)


def test_weights_behind_a_link_out_of_the_folder(lowered: LoweredModel, tmp_path: Path) -> None:
    """It could name any file of the reader's; a cache of downloads has such links, too."""
    folder = tmp_path / "net"
    folder.mkdir()
    path = save(lowered, folder / "net.onnx", weights="external")
    data = folder / "net.onnx.data"
    data.rename(tmp_path / "elsewhere")
    data.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(GraphError, match=r"not beside the ONNX file(.|\n)*--allow-external-path"):
        load(path)
    data.unlink()
    (tmp_path / "elsewhere").rename(folder / "other")
    data.symlink_to(folder / "other")
    assert load(path).graph.initializers
