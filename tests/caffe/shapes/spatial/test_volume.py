"""Shapes of C3D's layers, and what is refused as Caffe would."""

from __future__ import annotations

from tests.helpers.shape_rules import IMAGE, refusals_test, shapes_test

test_shapes = shapes_test(
    [
        ("Convolution3D", "convolution_param { num_output: 5 kernel_size: 3 kernel_depth: 2 }",
         [(1, 2, 4, 6, 7)], [(1, 5, 3, 4, 5)], [(5, 2, 2, 3, 3), (5,)]),
        ("Pooling3D", "pooling_param { kernel_size: 2 kernel_depth: 1 stride: 2 }",
         [(1, 2, 4, 6, 7)], [(1, 2, 4, 3, 4)], []),
    ]
)  # fmt: skip


test_refusals = refusals_test(
    [
        ("Pooling3D", "pooling_param { kernel_size: 2 }", [IMAGE], 1, "needs 5 axes"),
    ]
)  # fmt: skip
