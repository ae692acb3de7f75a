"""Shapes of losses and measures, and what is refused as Caffe would."""

from __future__ import annotations

from tests.helpers.shape_rules import shapes_test

test_shapes = shapes_test(
    [
        ("Accuracy", "", [(2, 9), (2,)], [(), (9,)], []),
        ("SoftmaxWithLoss", "", [(2, 9), (2,)], [(), (2, 9)], []),
    ]
)  # fmt: skip
