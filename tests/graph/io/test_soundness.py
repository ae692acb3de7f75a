"""Whoever reads an ONNX file looks at all of it first; the tests of each kind are elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

import bridge
from bridge.convert import raise_onnx
from bridge.errors import GraphError
from bridge.graph.io import functions
from bridge.inspection import inspect
from tests.graph.io.test_functions import doubling


@pytest.mark.parametrize(
    "verb",
    [
        lambda path: inspect([path]),
        lambda path: bridge.check(path, path),
        lambda path: raise_onnx(path, check=False),
    ],
)
def test_every_verb_looks(
    verb: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx.save(doubling(3), tmp_path / "net.onnx")
    monkeypatch.setattr(functions, "MOST_NODES", 3)
    with pytest.raises(GraphError, match="too many nodes"):
        verb(tmp_path / "net.onnx")
