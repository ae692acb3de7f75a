"""Shapes of region proposals, and what is refused as Caffe would."""

from __future__ import annotations

from bridge.caffe.shapes import DYNAMIC
from tests.helpers.shape_rules import refusals_test, shapes_test

test_shapes = shapes_test(
    [
        ("Proposal", "proposal_param { ratio: [1, 2] scale: 8 }",
         [(1, 4, 6, 7), (1, 8, 6, 7), (1, 3)], [(DYNAMIC, 5), (DYNAMIC,)], []),
    ]
)  # fmt: skip


test_refusals = refusals_test(
    [
        ("Proposal", "", [(1, 4, 6, 7), (1, 8, 6, 7), (1, 3)], 1, "ratio is missing"),
    ]
)  # fmt: skip
