"""Shapes of padding and cropping, and what is refused as Caffe would."""

from __future__ import annotations

from tests.helpers.shape_rules import IMAGE, refusals_test, shapes_test

test_shapes = shapes_test(
    [
        ("Pad", "pad_param { pad: 2 }", [IMAGE], [(2, 4, 10, 11)], []),
        ("MergeCrop", "", [IMAGE, (2, 4, 8, 9)], [(2, 8, 6, 7)], []),
    ]
)  # fmt: skip


test_refusals = refusals_test(
    [
        ("MergeCrop", "", [IMAGE, (2, 4, 5, 9)], 1, "smaller than its first"),
    ]
)  # fmt: skip
