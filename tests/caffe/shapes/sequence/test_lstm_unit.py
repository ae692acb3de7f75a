"""Shapes of an LSTM's single step, and what is refused as Caffe would."""

from __future__ import annotations

from tests.helpers.shape_rules import refusals_test, shapes_test

test_shapes = shapes_test(
    [
        ("LSTMUnit", "", [(1, 2, 3), (1, 2, 12), (1, 2)], [(1, 2, 3), (1, 2, 3)], []),
    ]
)  # fmt: skip


test_refusals = refusals_test(
    [
        ("LSTMUnit", "", [(1, 2, 3), (1, 2, 9), (1, 2)], 2, "the gates do not fit"),
    ]
)  # fmt: skip
