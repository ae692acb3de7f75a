"""Shapes of recurrent layers, and what is refused as Caffe would."""

from __future__ import annotations

from tests.helpers.shape_rules import refusals_test, shapes_test

test_shapes = shapes_test(
    [
        ("LSTM", "recurrent_param { num_output: 3 }", [(5, 2, 4, 2), (5, 2)], [(5, 2, 3)],
         [(12, 8), (12,), (12, 3)]),
        ("LSTM", "recurrent_param { num_output: 3 expose_hidden: true }",
         [(5, 2, 8), (5, 2), (2, 6), (1, 2, 3), (1, 2, 3)], [(5, 2, 3), (1, 2, 3), (1, 2, 3)],
         [(12, 8), (12,), (12, 6), (12, 3)]),
        ("RNN", "recurrent_param { num_output: 3 }", [(5, 2, 8), (5, 2)], [(5, 2, 3)],
         [(3, 8), (3,), (3, 3), (3, 3), (3,)]),
    ]
)  # fmt: skip


test_refusals = refusals_test(
    [
        ("LSTM", "", [(5, 2, 8), (5, 2)], 1, "num_output must be positive"),
        ("LSTM", "recurrent_param { num_output: 3 }", [(5, 2, 8), (2, 5)], 1, "cont does not fit"),
        ("LSTM", "recurrent_param { num_output: 3 }", [(5, 2, 8), (5, 2), (5, 6)], 1,
         "the static input does not fit"),
        ("LSTM", "recurrent_param { num_output: 3 expose_hidden: true }", [(5, 2, 8), (5, 2)], 1,
         "its bottoms and tops do not match"),
        ("RNN", "recurrent_param { num_output: 3 expose_hidden: true }",
         [(5, 2, 8), (5, 2), (2, 3)], 2, "a state does not fit"),
    ]
)  # fmt: skip
