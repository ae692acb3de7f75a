"""ONNX files whose weights stay in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from bridge.graph.io import load, mapped
from bridge.graph.io.mapped import load_unread
from tests.helpers.keras_against_onnx import graph

TEXT = "g (float[4,9] x) => (float[4,9] y) { a = Mul(x, large) y = Add(a, small) }"
LARGE = np.arange(36, dtype=np.float32).reshape(4, 9)


@pytest.fixture(autouse=True)
def little_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "LEAST", 64)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    onnx.save(graph(TEXT, {"large": LARGE, "small": np.float32([1.5])}), tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


def test_large_weights_stay_in_the_file(path: Path) -> None:
    large, small = load_unread(path).graph.initializer
    assert (large.HasField("raw_data"), small.HasField("raw_data")) == (False, True)
    where = {entry.key: entry.value for entry in large.external_data}
    assert where["location"] == "net.onnx"
    assert path.read_bytes()[int(where["offset"]) :].startswith(LARGE.tobytes())
    np.testing.assert_array_equal(numpy_helper.to_array(large, str(path.parent)), LARGE)


def test_all_else_is_as_it_was(path: Path) -> None:
    whole, unread = onnx.load(path), load_unread(path)
    for model in (whole, unread):
        del model.graph.initializer[:]
    assert unread == whole


def test_a_file_in_pieces_is_read_like_one(path: Path) -> None:
    """As protobuf allows, and this package once wrote it: weights follow the model."""
    model = onnx.load(path)
    tensors = list(model.graph.initializer)
    del model.graph.initializer[:]
    pieces = [onnx.ModelProto(graph=onnx.GraphProto(initializer=[tensor])) for tensor in tensors]
    path.write_bytes(b"".join(piece.SerializeToString() for piece in (model, *pieces)))
    (large, small), nodes = load_unread(path).graph.initializer, load_unread(path).graph.node
    assert (large.name, small.name, len(nodes)) == ("large", "small", 2)
    np.testing.assert_array_equal(numpy_helper.to_array(large, str(path.parent)), LARGE)


def test_numbers_of_another_form_are_read(path: Path) -> None:
    model = onnx.load(path)
    model.graph.initializer[0].CopyFrom(
        onnx.helper.make_tensor("large", TensorProto.FLOAT, LARGE.shape, LARGE.ravel())
    )
    model.graph.initializer.append(
        TensorProto(name="cut", data_type=TensorProto.FLOAT, dims=[99], raw_data=bytes(80))
    )
    path.write_bytes(model.SerializeToString())
    assert load_unread(path) == model


def test_a_link_is_read_as_a_whole(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link.onnx").symlink_to(path)
    assert load_unread(tmp_path / "link.onnx") == onnx.load(path)


def test_what_the_system_does_not_map_is_read_as_a_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError("no such device")

    monkeypatch.setattr("bridge.files.wire.mmap.mmap", refuse)
    assert load_unread(path) == onnx.load(path)


@pytest.mark.parametrize("cut", [0, 1, 40, 100, 300])
def test_a_damaged_file_raises_what_onnx_does(path: Path, cut: int) -> None:
    path.write_bytes(path.read_bytes()[:cut])
    try:
        expected: object = onnx.load(path)
    except Exception as error:  # noqa: BLE001 (whatever it is)
        with pytest.raises(type(error)):
            load_unread(path)
    else:
        assert load_unread(path) == expected


@pytest.mark.parametrize("data", [b"\x3a" + b"\xff" * 99, b"\xff" * 99, b"\x0b" * 9])
def test_what_is_no_message_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "net.onnx").write_bytes(data)
    with pytest.raises(Exception, match="parsing"):
        load_unread(tmp_path / "net.onnx")


def test_a_loaded_graph_outlives_its_file(path: Path) -> None:
    model = load(path)
    path.unlink()
    array = model.graph.initializers["large"].const_value
    assert array is not None
    np.testing.assert_array_equal(array.numpy(), LARGE)
    assert not array.numpy().flags.owndata
