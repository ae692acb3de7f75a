from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from bridge.errors import WeightsError
from bridge.graph.io import wire
from bridge.graph.io.wire import Target, initializer, write_model
from bridge.layout import Span, Weight
from tests.graph.io.last_field import graph_fields, read_last

VALUES = np.arange(1000, dtype=np.float32)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"..." + VALUES.tobytes())
    return path


def _weight(span: Span | None = None) -> Weight:
    return Weight((10, 100), lambda: VALUES, span)


def _model() -> onnx.ModelProto:
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    return helper.make_model(helper.make_graph(nodes, "g", [], []), producer_name="p")


@pytest.mark.parametrize("sizes", [[], [0], [1, 127], [128, 2**14, 2**21 + 5]])
def test_a_model_and_its_weights_are_one_graph(tmp_path: Path, sizes: list[int]) -> None:
    weights = [
        Weight((size,), lambda size=size: np.full(size, 7, np.uint8), dtype=np.dtype(np.uint8))
        for size in sizes
    ]
    tensors = [TensorProto(name="w", data_type=TensorProto.UINT8, dims=[size]) for size in sizes]
    expected = _model()
    for tensor, size in zip(tensors, sizes, strict=True):
        expected.graph.initializer.add().CopyFrom(tensor)
        expected.graph.initializer[-1].raw_data = b"\7" * size
    path = tmp_path / "net.onnx"
    write_model(path, _model(), list(map(initializer, tensors, weights)))
    assert onnx.load(path) == read_last(path) == expected
    assert graph_fields(path) == 1


def test_bytes_are_told_while_they_are_written(tmp_path: Path) -> None:
    size, said = 2**24 + 5, list[tuple[int, int]]()
    weight = Weight((size,), lambda: np.zeros(size, np.uint8), dtype=np.dtype(np.uint8))
    tensor = TensorProto(name="w", data_type=TensorProto.UINT8, dims=[size])
    path = tmp_path / "net.onnx"
    write_model(path, _model(), [initializer(tensor, weight)], lambda *part: said.append(part))
    assert len(said) > 2
    assert said == sorted(said)
    done, total = said[-1]
    assert done == total
    assert 0 <= path.stat().st_size - total < 100


@pytest.mark.parametrize("chunk", [333, 2**20])
def test_spans_are_copied_as_they_are(
    source: Path, tmp_path: Path, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "_CHUNK", chunk)
    with Target(tmp_path / "out") as target:
        target.write(b"head")
        target.align(64)
        target.write_weight(_weight(Span(source, 3, 4000)))
        target.write_weight(_weight())
        assert target.position == 64 + 2 * 4000
    written = (tmp_path / "out").read_bytes()
    assert written == b"head" + bytes(60) + VALUES.tobytes() * 2


def test_a_file_that_ends_too_soon(source: Path, tmp_path: Path) -> None:
    with Target(tmp_path / "out") as target, pytest.raises(WeightsError, match="ends within"):
        target.write_weight(_weight(Span(source, 3, 4001)))
