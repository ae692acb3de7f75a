"""Shapes of the layers without an input, and what is refused as Caffe would."""

from __future__ import annotations

from tests.helpers.shape_rules import refusals_test, shapes_test

test_shapes = shapes_test(
    [
        ("ContinuationIndicator", "continuation_indicator_param { time_step: 5 batch_size: 2 }",
         [], [(5, 2)], []),
        ("DummyData", "dummy_data_param { num: 1 channels: 2 height: [3, 4] width: 5 }", [],
         [(1, 2, 3, 5), (1, 2, 4, 5)], []),
        ("Parameter", "parameter_param { shape { dim: 3 } }", [], [(3,)], [(3,)]),
    ]
)  # fmt: skip


test_refusals = refusals_test(
    [
        ("ContinuationIndicator", "", [], 1, "time_step and batch_size must be"),
        ("DummyData", "", [], 1, "its dims do not match its tops"),
    ]
)  # fmt: skip
