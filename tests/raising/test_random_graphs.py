"""Random small graphs: right in both layouts of inputs and outputs, and after a reload."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from bridge.raising.table import TABLE
from tests.helpers.keras_against_onnx import Array, raise_and_compare
from tests.helpers.random_graphs import graphs


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


def law(number: int) -> Any:
    """So many different graphs: hypothesis repeats itself, the more the larger examples are."""

    def test() -> None:
        held: set[bytes] = set()

        @settings(max_examples=2 * number, suppress_health_check=list(HealthCheck))
        @given(drawn=graphs())
        def each(drawn: tuple[onnx.ModelProto, dict[str, Array]]) -> None:
            model = drawn[0].SerializeToString()
            if model not in held:
                keras.backend.clear_session()
                hold(*drawn)
                held.add(model)

        each()
        assert len(held) >= number

    return test


test_random_graphs = law(100)
test_many_random_graphs = pytest.mark.nightly(law(2000))


@pytest.mark.nightly
def test_every_rule_of_the_table_is_drawn() -> None:
    """Those of bridge's own stand for several operators of ONNX's, which fusion finds."""
    drawn_rules: set[tuple[str, int]] = set()

    @settings(max_examples=2000, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    @given(drawn=graphs())
    def collect(drawn: tuple[onnx.ModelProto, dict[str, Array]]) -> None:
        opset = drawn[0].opset_import[0].version
        for operator in {node.op_type for node in drawn[0].graph.node}:
            known = [since for since, _ in TABLE.versions(operator) if since <= opset]
            drawn_rules.add((operator, max(known)))

    collect()
    every = {(operator, since) for operator in TABLE for since, _ in TABLE.versions(operator)}
    missing = every - drawn_rules
    assert all(operator.startswith("bridge::") for operator, _ in missing), missing
