"""The law of raising, of `.tflite` files: what is written without TensorFlow is right.

out.undo(litert(in.apply(x), ...)) == onnxruntime(x, ...)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.errors import UnsupportedError
from bridge.tflite.emission import lite_model
from tests.helpers.keras_against_onnx import plan_of
from tests.helpers.strategies.layouts import layouts
from tests.helpers.strategies.nodes import NodeExample, Tensor
from tests.helpers.strategies.rules import STRATEGIES
from tests.laws.test_raising_law import ENTRIES, FREE, any_candidate, graph_of
from tests.tflite.litert import assert_right


def hold(example: NodeExample, symbols: set[str], data: st.DataObject, folder: Path) -> None:
    model = graph_of(example, symbols)
    feeds, stored = {}, {}
    for index, operand in enumerate(example.operands):
        if isinstance(operand, Tensor):
            feeds[f"x{index}"] = operand.values
            stored[f"x{index}"] = data.draw(layouts(operand.shape(symbols)), label=f"x{index}")
    try:
        plan = plan_of(model, layouts=stored, ask=any_candidate(data))
        lite_model(plan)
    except UnsupportedError:
        return
    assert_right(plan, model, feeds, folder)


def law(examples: int) -> Any:
    @pytest.mark.parametrize(("operator", "since"), ENTRIES)
    @settings(max_examples=examples, suppress_health_check=[*HealthCheck], deadline=None)
    @given(data=st.data())
    def test(operator: str, since: int, data: st.DataObject, tmp_path: Path) -> None:
        example = data.draw(STRATEGIES[operator, since], label="node")
        symbols = data.draw(st.sampled_from(FREE), label="free sizes")
        hold(example, symbols, data, tmp_path)

    return test


test_what_is_written_of_a_rule_is_right = law(examples=5)
test_what_is_written_of_a_rule_is_right_at_length = pytest.mark.nightly(law(examples=200))
