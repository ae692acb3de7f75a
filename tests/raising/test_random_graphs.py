"""Random small graphs: right in both layouts of inputs and outputs, and after a reload."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings

from drawn_graphs import graphs
from raised import Array, raise_and_compare


def hold(model: onnx.ModelProto, feeds: dict[str, Array]) -> None:
    for io_layout in ("channels_last", "onnx"):
        raised = raise_and_compare(model, feeds, io_layout)
        expected = raised.run(feeds)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            raised.model.save(path)
            again = keras.models.load_model(path, safe_mode=True)
        for name, array in type(raised)(raised.plan, again).run(feeds).items():
            np.testing.assert_array_equal(array, expected[name])


def law(examples: int) -> Any:
    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(drawn=graphs())
    def test(drawn: tuple[onnx.ModelProto, dict[str, Array]]) -> None:
        keras.backend.clear_session()
        hold(*drawn)

    return test


test_random_graphs = law(examples=20)
test_many_random_graphs = pytest.mark.nightly(law(examples=2000))
