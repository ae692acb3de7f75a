"""Weights in other folders are read where that is allowed, and held to the same rules."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

import bridge
from bridge.convert import raise_onnx
from bridge.errors import BridgeError, GraphError, UsageError
from bridge.graph.io import gathered
from bridge.inspection import inspect

W = np.arange(9, dtype=np.float32).reshape(3, 3)
BEFORE = bytes(7)


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """A graph that reads w of another folder, and v, the same numbers, through a link."""
    (tmp_path / "in").mkdir()
    (tmp_path / "w.bin").write_bytes(BEFORE + W.tobytes())
    (tmp_path / "in" / "link").symlink_to(tmp_path / "w.bin")
    proto = proto_of("../w.bin", "link")
    onnx.save(proto, tmp_path / "in" / "net.onnx")
    return tmp_path / "in" / "net.onnx"


def proto_of(*locations: str, offset: int = 7, length: int = 36) -> onnx.ModelProto:
    proto = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["": 17]>
        g (float[1, 3] x) => (float[1, 3] y) { a = MatMul(x, w) y = MatMul(a, v) }"""
    )
    for name, location in zip("wv", locations, strict=True):
        tensor = TensorProto(name=name, data_type=1, dims=W.shape, data_location=1)
        entries = {"location": location, "offset": offset, "length": length}
        for key, value in entries.items():
            tensor.external_data.add(key=key, value=str(value))
        proto.graph.initializer.append(tensor)
    return proto


def test_every_verb_takes_the_permission(graph: Path, tmp_path: Path) -> None:
    whole = onnx.load(graph, load_external_data=False)
    del whole.graph.initializer[:]
    whole.graph.initializer.extend(numpy_helper.from_array(W, name) for name in "wv")
    verbs: list[Callable[[bool], object]] = [
        lambda allow: inspect([graph], allow_external_path=allow),
        lambda allow: raise_onnx(graph, check=False, allow_external_path=allow),
        lambda allow: bridge.check(whole, graph, allow_external_path=allow).require_no_difference(),
    ]
    for verb in verbs:
        with pytest.raises(GraphError, match="not beside the ONNX file") as refusal:
            verb(False)
        assert "--allow-external-path" in str(refusal.value)
        verb(True)


def test_the_copy_is_gone_afterwards(graph: Path) -> None:
    with gathered(graph, allow_external_path=True) as copy:
        assert onnx.load(copy.path).graph.initializer[0].raw_data == W.tobytes()
        assert copy.files[0] == graph
        assert copy.path.parent != graph.parent
    assert not copy.path.parent.exists()


def test_what_lies_beside_is_read_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(BEFORE + W.tobytes())
    path = tmp_path / "net.onnx"
    onnx.save(proto_of("w.bin", "w.bin"), path)
    with gathered(path, allow_external_path=True) as same:
        assert same.path == path


def test_weights_elsewhere_are_no_output(graph: Path, tmp_path: Path) -> None:
    data = (tmp_path / "w.bin").rename(tmp_path / "w.keras")
    onnx.save(proto_of("../w.keras", "../w.keras"), graph)
    with pytest.raises(UsageError):
        raise_onnx(graph, data, allow_external_path=True)
    assert data.stat().st_size == 43


@pytest.mark.parametrize(
    ("proto", "words"),
    [
        (proto_of("../w.bin", "../w.bin", offset=8), "is missing"),
        (proto_of("../w.bin", "../w.bin", offset=-1), "no position in their file"),
        (proto_of("../w.bin", "../w.bin", length=35), "less data than its shape"),
        (proto_of("../pipe", "../w.bin"), "is missing"),
        (proto_of("/dev/zero", "../w.bin"), "is missing"),
        (proto_of("../nothing", "../w.bin"), "is missing"),
        (proto_of("..", "../w.bin"), "is missing"),
    ],
)
def test_it_is_held_to_the_same_rules(
    graph: Path, tmp_path: Path, proto: onnx.ModelProto, words: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    onnx.save(proto, graph)
    with pytest.raises(BridgeError, match=words) as refusal:
        raise_onnx(graph, allow_external_path=True)
    assert str(graph) in str(refusal.value)


def test_weights_that_overlap_are_not_copied(graph: Path) -> None:
    proto = proto_of("../w.bin", "../w.bin")
    for entry in proto.graph.initializer[1].external_data:
        entry.value = {"offset": "6"}.get(entry.key, entry.value)
    onnx.save(proto, graph)
    with pytest.raises(GraphError, match="overlap"):
        raise_onnx(graph, allow_external_path=True)
