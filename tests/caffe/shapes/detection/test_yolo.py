"""Shapes of YOLO's layers, and what is refused as Caffe would."""

from __future__ import annotations

from tests.helpers.shape_rules import IMAGE, refusals_test, shapes_test

test_shapes = shapes_test(
    [
        ("Reorg", "reorg_param { stride: 2 }", [(1, 4, 6, 8)], [(1, 16, 3, 4)], []),
        ("Region", "region_param { num: 2 coords: 4 classes: 3 }",
         [(1, 16, 6, 7)], [(1, 16, 6, 7)], []),
    ]
)  # fmt: skip


test_refusals = refusals_test(
    [
        ("Reorg", "reorg_param { stride: 4 }", [IMAGE], 1, "does not divide by the stride"),
    ]
)  # fmt: skip
