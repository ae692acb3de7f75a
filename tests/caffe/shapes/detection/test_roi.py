"""Shapes of regions of interest, and what is refused as Caffe would."""

from __future__ import annotations

from tests.helpers.shape_rules import IMAGE, refusals_test, shapes_test

test_shapes = shapes_test(
    [
        ("PSROIPooling", "psroi_pooling_param { output_dim: 3 group_size: 2 spatial_scale: 1 }",
         [(2, 12, 6, 7), (9, 5)], [(9, 3, 2, 2)], []),
        ("ROIAlign", "roi_align_param { pooled_h: 3 pooled_w: 2 }",
         [IMAGE, (9, 5)], [(9, 4, 3, 2)], []),
    ]
)  # fmt: skip


test_refusals = refusals_test(
    [
        ("ROIAlign", "", [IMAGE, (9, 4)], 1, "5 numbers each"),
    ]
)  # fmt: skip
