from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from bridge.errors import WeightsError
from bridge.graph.io import wire
from bridge.graph.io.wire import Target, frame
from bridge.layout import Span, Weight

VALUES = np.arange(1000, dtype=np.float32)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"..." + VALUES.tobytes())
    return path


def _weight(span: Span | None = None) -> Weight:
    return Weight((10, 100), lambda: VALUES, span)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 2**14, 2**21 + 5])
def test_a_frame_and_its_bytes_are_a_model(size: int) -> None:
    tensor = TensorProto(name="w", data_type=TensorProto.UINT8, dims=[size])
    first = onnx.ModelProto(ir_version=8).SerializeToString()
    model = onnx.ModelProto.FromString(first + frame(tensor, size) + b"\7" * size)
    assert model.ir_version == 8
    (read,) = model.graph.initializer
    assert (read.name, list(read.dims), len(read.raw_data)) == ("w", [size], size)


@pytest.mark.parametrize("kernel_copies", [True, False])
def test_spans_are_copied_as_they_are(
    source: Path, tmp_path: Path, kernel_copies: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kernel_copies:
        monkeypatch.setattr(os, "copy_file_range", _declining)
        monkeypatch.setattr(wire, "_CHUNK", 333)
    with Target(tmp_path / "out") as target:
        target.write(b"head")
        target.align(64)
        target.write_weight(_weight(Span(source, 3, 4000)))
        target.write_weight(_weight())
        assert target.position == 64 + 2 * 4000
    written = (tmp_path / "out").read_bytes()
    assert written == b"head" + bytes(60) + VALUES.tobytes() * 2


def _declining(*args: Any, **options: Any) -> int:
    raise OSError(errno.EXDEV, "two file systems")


def test_other_failures_of_the_kernel_are_not_hidden(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **options: Any) -> int:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, "copy_file_range", full)
    with Target(tmp_path / "out") as target, pytest.raises(OSError, match="no space"):
        target.write_weight(_weight(Span(source, 3, 4000)))


def test_a_file_that_ends_too_soon(source: Path, tmp_path: Path) -> None:
    with Target(tmp_path / "out") as target, pytest.raises(WeightsError, match="ends within"):
        target.write_weight(_weight(Span(source, 3, 4001)))
