"""Random small graphs: right in both layouts of inputs and outputs, with the batch first in the
model that Keras users expect, and after a reload."""

from __future__ import annotations

from typing import Any

import keras
import onnx
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from bridge.graph.fusion import RECURRENT
from bridge.raising.plan import Plan
from bridge.raising.table import TABLE
from tests.helpers.archives import loaded_from_archive
from tests.helpers.keras_against_onnx import Array, Raised, assert_right, plan_of, raise_and_compare
from tests.helpers.random_graphs.graphs import graphs


def hold(model: onnx.ModelProto, feeds: dict[str, Array]) -> None:
    raise_and_compare(model, feeds, "onnx")
    plan = plan_of(model, "channels_last")
    assert_batch_first(model, plan)
    assert_right(Raised(plan, loaded_from_archive(plan)), model, feeds)


def assert_batch_first(model: onnx.ModelProto, plan: Plan) -> None:
    """The first axis of each input and output is ONNX's first, whatever order the others have.
    Beside recurrent operators ONNX has the batch second: in a sequence t n c, or a state d n c."""
    if RECURRENT.isdisjoint(node.op_type for node in model.graph.node):
        for name in (*(entry.value for entry in plan.inputs), *plan.outputs):
            layout = plan.values[name].layout
            assert not layout.rank or layout.where(0) == 0, f"{name}: {layout}\n{plan}"


def law(number: int) -> Any:
    """So many different graphs: hypothesis repeats itself, the more the larger examples are."""

    def test() -> None:
        held: set[bytes] = set()

        @settings(max_examples=2 * number, suppress_health_check=list(HealthCheck))
        @given(example=graphs())
        def hold_one(example: tuple[onnx.ModelProto, dict[str, Array]]) -> None:
            model = example[0].SerializeToString()
            if model not in held and len(held) < number:
                keras.backend.clear_session(free_memory=False)
                hold(*example)
                held.add(model)

        hold_one()
        assert len(held) >= number

    return test


test_random_graphs = law(100)
test_many_random_graphs = pytest.mark.nightly(law(2000))


@pytest.mark.nightly
def test_every_rule_of_the_table_is_drawn() -> None:
    """Those of bridge's own stand for several operators of ONNX's, which fusion finds."""
    drawn: set[tuple[str, int]] = set()

    @settings(max_examples=2000, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    @given(example=graphs())
    def collect(example: tuple[onnx.ModelProto, dict[str, Array]]) -> None:
        opset = example[0].opset_import[0].version
        for operator in {node.op_type for node in example[0].graph.node}:
            known = [since for since, _ in TABLE.versions(operator) if since <= opset]
            drawn.add((operator, max(known)))

    collect()
    every = {(operator, since) for operator in TABLE for since, _ in TABLE.versions(operator)}
    missing = every - drawn
    assert all(operator.startswith("bridge::") for operator, _ in missing), missing
