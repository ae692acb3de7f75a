"""Shapes of dense blocks, and what is refused as Caffe would."""

from __future__ import annotations

from tests.helpers.shape_rules import IMAGE, refusals_test, shapes_test

test_shapes = shapes_test(
    [
        ("DenseBlock", "denseblock_param { numTransition: 2 growthRate: 3 use_BC: false }",
         [IMAGE], [(2, 10, 6, 7)],
         [(3, 4, 3, 3), (3, 7, 3, 3), *[(1, 4, 1, 1), (1, 7, 1, 1)] * 4, (1,)]),
    ]
)  # fmt: skip


test_refusals = refusals_test(
    [
        ("DenseBlock", "denseblock_param { growthRate: 0 }", [IMAGE], 1, "must be positive"),
    ]
)  # fmt: skip
