"""Shapes of the layers that sample a map, and what is refused as Caffe would."""

from __future__ import annotations

from tests.helpers.shape_rules import IMAGE, refusals_test, shapes_test

test_shapes = shapes_test(
    [
        ("SpatialTransformer", "st_param { output_H: 3 output_W: 5 }", [IMAGE, (2, 6)],
         [(2, 4, 3, 5)], []),
        ("DeformableConvolution", "deformable_convolution_param { num_output: 5 kernel_size: 3 }",
         [IMAGE, (2, 18, 4, 5)], [(2, 5, 4, 5)], [(5, 4, 3, 3), (5,)]),
    ]
)  # fmt: skip


test_refusals = refusals_test(
    [
        ("SpatialTransformer", "", [IMAGE, (2, 5)], 1, "its theta does not fit"),
    ]
)  # fmt: skip
