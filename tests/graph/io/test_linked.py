"""A graph that points into a caffemodel is refused when that has changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import onnx
import pytest

import bridge
from bridge.convert import raise_onnx
from bridge.errors import GraphError
from bridge.graph.io.linked import KEY
from bridge.inspection import inspect
from tests.helpers.golden_cases import case

NET = case("conv_basic_k3")


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    shutil.copy(NET.caffemodel, tmp_path)
    bridge.caffe_to_onnx(
        NET.prototxt, tmp_path / NET.caffemodel.name, tmp_path / "net.onnx", weights="linked"
    )
    return tmp_path / "net.onnx"


def refused(graph: Path, message: str) -> None:
    for verb in (
        lambda: inspect([graph]),
        lambda: bridge.check(graph, graph),
        lambda: raise_onnx(graph, check=False),
    ):
        with pytest.raises(GraphError, match=message):
            verb()


def test_the_same_file_is_taken_wherever_it_lies(graph: Path, tmp_path: Path) -> None:
    assert bridge.check(graph, graph).ok
    shutil.copytree(tmp_path, tmp_path / "elsewhere", copy_function=shutil.copyfile)
    assert bridge.check(graph, tmp_path / "elsewhere" / "net.onnx").ok


@pytest.mark.parametrize("at", ["first", "last", "appended"])
def test_another_file_is_refused(at: str, graph: Path) -> None:
    path = graph.with_name(NET.caffemodel.name)
    tensor = onnx.load(graph, load_external_data=False).graph.initializer[0]
    entries = {entry.key: entry.value for entry in tensor.external_data}
    first, length = int(entries["offset"]), int(entries["length"])
    data = bytearray(path.read_bytes())
    if at == "appended":
        data += b"\0"
    else:
        data[first if at == "first" else first + length - 1] ^= 1
    path.write_bytes(data)
    refused(graph, "has changed since the graph was linked to it")


def test_a_file_that_was_moved_is_missing(graph: Path) -> None:
    graph.with_name(NET.caffemodel.name).rename(graph.with_name("other"))
    refused(graph, "is missing")


@pytest.mark.parametrize("value", ["", "[1]", '{"a": 1}', "{" * 5000])
def test_damaged_metadata_are_no_fault_of_ours(value: str, graph: Path) -> None:
    model = onnx.load(graph, load_external_data=False)
    for entry in model.metadata_props:
        entry.value = value if entry.key == KEY else entry.value
    graph.write_bytes(model.SerializeToString())
    refused(graph, "are damaged")
