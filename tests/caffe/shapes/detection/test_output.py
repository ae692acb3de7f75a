"""Shapes of prior boxes and detections, and what is refused as Caffe would."""

from __future__ import annotations

from bridge.caffe.shapes import DYNAMIC
from tests.helpers.shape_rules import IMAGE, refusals_test, shapes_test

test_shapes = shapes_test(
    [
        # boxes: ratios 1, 2, 1/2 for each of two sizes, and two larger ones
        ("PriorBox", "prior_box_param { min_size: [3, 6] max_size: [4, 7] aspect_ratio: [2, 1] }",
         [IMAGE, (1, 3, 9, 9)], [(1, 2, 6 * 7 * 8 * 4)], []),
        ("DetectionOutput", "detection_output_param { num_classes: 3 share_location: false }",
         [(2, 24), (2, 6), (1, 2, 8)], [(1, 1, DYNAMIC, 7)], []),
        ("ROIPooling", "roi_pooling_param { pooled_h: 3 pooled_w: 2 }", [IMAGE, (9, 5, 1, 1)],
         [(9, 4, 3, 2)], []),
    ]
)  # fmt: skip


test_refusals = refusals_test(
    [
        ("ROIPooling", "", [IMAGE, (9, 5)], 1, "pooled_h and pooled_w must be"),
        ("ROIPooling", "", [IMAGE, (9, 4)], 1, "5 numbers each"),
        ("PriorBox", "", [IMAGE, IMAGE], 1, "min_size is missing"),
        ("PriorBox", "prior_box_param { min_size: 3 max_size: [4, 5] }", [IMAGE, IMAGE], 1,
         "max_size does not match"),
        ("PriorBox", "prior_box_param { min_size: 3 max_size: 3 }", [IMAGE, IMAGE], 1,
         "above min_size"),
        ("PriorBox", "prior_box_param { min_size: 1e39 }", [IMAGE, IMAGE], 1,
         "min_size must be finite"),
        ("PriorBox", "prior_box_param { min_size: 3 max_size: inf }", [IMAGE, IMAGE], 1,
         "max_size must be finite"),
        ("PriorBox", "prior_box_param { min_size: 3 aspect_ratio: nan }", [IMAGE, IMAGE], 1,
         "aspect_ratio must be finite"),
        ("PriorBox", "prior_box_param { fixed_size: inf fixed_ratio: 1 density: 1 }",
         [IMAGE, IMAGE], 1, "fixed_size must be finite"),
        ("PriorBox", "prior_box_param { min_size: 3 aspect_ratio: 0 }", [IMAGE, IMAGE], 1,
         "aspect_ratio must be positive"),
        ("PriorBox", "prior_box_param { min_size: 3 variance: [1, 2] }", [IMAGE, IMAGE], 1,
         "variance does not match a box"),
        ("DetectionOutput", "detection_output_param { num_classes: 3 }",
         [(2, 7), (2, 6), (1, 2, 8)], 1, "loc does not fit"),
        ("DetectionOutput", "detection_output_param { num_classes: 3 }",
         [(2, 8), (2, 8), (1, 2, 8)], 1, "conf does not fit"),
    ]
)  # fmt: skip
