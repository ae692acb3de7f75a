"""The graph of a comparison."""

from __future__ import annotations

from bridge.check.backends.backend import Origin
from bridge.check.report.drawn import steps_of
from bridge.drawing.diagram import INPUT, Step


def test_inputs_come_first_and_weights_are_left_out() -> None:
    split = Origin("split", "Split", ("y",))
    origins = {"y": Origin("conv", "Conv", ("x", "conv.weight")), "a": split, "b": split}
    assert steps_of(origins, ["x"]) == [
        Step("x", INPUT, (), ("x",)),
        Step("conv", "Conv", ("x",), ("y",)),
        Step("split", "Split", ("y",), ("a", "b")),
    ]
