"""Who loads a deep model is told what that takes."""

from __future__ import annotations

import pytest

from bridge.archive import depth
from bridge.convert import raise_onnx
from tests.helpers.keras_against_onnx import graph


def test_a_warning_says_the_limit_that_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "g (float[b,2] x) => (y) { a = Relu(x) b = Neg(a) c = Sin(a) d = Add(b, c) y = Abs(d) }"
    monkeypatch.setattr(depth, "DEEP", 4)
    assert not raise_onnx(graph(text)).warnings
    monkeypatch.setattr(depth, "DEEP", 3)
    (warning,) = raise_onnx(graph(text)).warnings
    assert "4 layers deep" in warning
    assert "sys.setrecursionlimit(1004)" in warning
