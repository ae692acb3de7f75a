"""Shapes of decoders, and what is refused as Caffe would."""

from __future__ import annotations

from tests.helpers.shape_rules import refusals_test, shapes_test

test_shapes = shapes_test(
    [
        ("CTCGreedyDecoder", "", [(5, 2, 9), (5, 2)], [(5, 2, 1, 1), (2, 1, 1, 1)], []),
        ("CTCGreedyDecoder", "ctc_decoder_param { blank_index: 0 }",
         [(5, 2, 9)], [(2, 5, 1, 1)], []),
    ]
)  # fmt: skip


test_refusals = refusals_test(
    [
        ("CTCGreedyDecoder", "", [(5, 2, 9), (4, 2)], 1, "its indicators do not fit"),
    ]
)  # fmt: skip
