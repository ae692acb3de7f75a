"""Public reports re-made small, as ONNX graphs: right in both layouts with the batch first, or the
one message that names the cause."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from bridge.errors import BridgeError
from bridge.raising import Plan
from tests.helpers.feeds import has_open_batch, random_feeds, shapes_of
from tests.helpers.keras_against_onnx import assert_right, plan_of, raise_and_compare

CASES = Path(__file__).parent / "onnx"
ALL = sorted(CASES.iterdir())
REFUSED = [case for case in ALL if (case / "refusal.txt").is_file()]
# What onnxruntime 1.32 says nothing reliable of.
NOT_COMPARED = {
    "03-qdq-conv": "its fused int8 convolution is up to 4 steps off its own plain one",
    "16-shuffle-hardbatch": "a Reshape of it fixes the batch at 1, which its input leaves open",
    "22-same-lower": "it has no dilated convolution with SAME padding",
    "64-opset6": "it has no Add of opset 6",
}
RAISED = [case for case in ALL if case not in REFUSED]
SIZE = 6  # of open axes but the batch


@pytest.mark.parametrize("case", RAISED, ids=lambda case: case.name)
def test_a_report_that_is_raised_is_right(case: Path) -> None:
    if case.name in NOT_COMPARED:
        pytest.skip(NOT_COMPARED[case.name])
    model = onnx.load(case / "m.onnx")
    for io_layout in ("channels_last", "onnx"):
        raised = raise_and_compare(model, random_feeds(model, 1, SIZE), io_layout)
        if has_open_batch(model):
            assert_right(raised, model, random_feeds(model, 3, SIZE))
        assert_batch_first(model, raised.plan)


def assert_batch_first(model: onnx.ModelProto, plan: Plan) -> None:
    """A first axis that is open in the graph is open, and the first, in Keras; one of 1 stays."""
    stored = {entry.value: entry.shape for entry in plan.inputs}
    stored |= {name: plan.values[name].layout.stored_shape for name in plan.outputs}
    shapes = {**shapes_of(model), **output_shapes(model)}
    for name, shape in shapes.items():
        sizes = stored[name]
        if shape and not isinstance(shape[0], int):
            assert not isinstance(sizes[0], int) or all(isinstance(s, int) for s in sizes), name
        elif shape and shape[0] == 1 and len(sizes) == len(shape):
            assert sizes[0] == 1 or not isinstance(sizes[0], int), name


def output_shapes(model: onnx.ModelProto) -> dict[str, list[int | str]]:
    return {
        value.name: [size.dim_value or size.dim_param for size in value.type.tensor_type.shape.dim]
        for value in model.graph.output
    }


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_report_that_is_refused_names_the_cause(case: Path) -> None:
    with pytest.raises(BridgeError) as refusal:
        plan_of(onnx.load(case / "m.onnx"))
    assert f"{refusal.value}\n" == (case / "refusal.txt").read_text(encoding="utf-8")
