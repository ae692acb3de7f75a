"""Shapes of activations, and what is refused as Caffe would."""

from __future__ import annotations

from tests.helpers.shape_rules import IMAGE, refusals_test, shapes_test

test_shapes = shapes_test(
    [
        ("PReLU", "prelu_param { channel_shared: true }", [IMAGE], [IMAGE], [()]),
    ]
)  # fmt: skip


test_refusals = refusals_test(
    [
        ("ReLU", "", [IMAGE, IMAGE], 1, "the number of its bottoms"),
        ("ReLU", "", [IMAGE], 2, "the number of its tops"),
        ("PReLU", "", [(2,)], 1, "2 axes or more"),
    ]
)  # fmt: skip
