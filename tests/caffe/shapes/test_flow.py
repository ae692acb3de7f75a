"""Shapes of the layers of optical flow, and what is refused as Caffe would."""

from __future__ import annotations

from tests.helpers.shape_rules import IMAGE, refusals_test, shapes_test

test_shapes = shapes_test(
    [
        ("Correlation", "correlation_param { kernel_size: 1 max_displacement: 2 pad: 2 }",
         [IMAGE, IMAGE], [(2, 25, 6, 7)], []),
        ("ChannelNorm", "", [IMAGE], [(2, 1, 6, 7)], []),
        ("Resample", "resample_param { factor: 2 }", [IMAGE], [(2, 4, 12, 14)], []),
    ]
)  # fmt: skip


test_refusals = refusals_test(
    [
        ("Correlation", "", [IMAGE, IMAGE], 1, "kernel_size or max_displacement is missing"),
        ("FlowWarp", "", [IMAGE, IMAGE], 1, "its flow does not fit"),
    ]
)  # fmt: skip
