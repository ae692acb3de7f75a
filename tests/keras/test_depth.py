"""Nets that are deeper than calls may be nested in Python."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pytest

from bridge.keras.build import build
from bridge.keras.load import load
from tests.helpers.keras_against_onnx import graph, plan_of

LAYERS, NESTED = 600, 400


@contextmanager
def limited() -> Iterator[None]:
    """Within it, fewer calls may be nested than the net is deep."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(context=0)) + NESTED)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def test_a_net_is_built_and_loaded_however_deep_it_is(tmp_path: Path) -> None:
    steps = " ".join(f"v{i + 1} = {('Relu', 'Neg')[i % 2]}(v{i})" for i in range(LAYERS))
    plan = plan_of(graph(f"g (float[b,2] v0) => (v{LAYERS}) {{ {steps} }}"))
    assert plan.depth == LAYERS
    with limited():
        model = build(plan)
    path = tmp_path / "net.keras"
    model.save(path)
    with limited():
        again = load(path)
        with pytest.raises(RecursionError):
            keras.models.load_model(path)
    np.testing.assert_array_equal(again(np.float32([[1, -1]])), [[0, 0]])
