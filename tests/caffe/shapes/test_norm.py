"""Shapes of normalizations, and what is refused as Caffe would."""

from __future__ import annotations

from tests.helpers.shape_rules import IMAGE, refusals_test, shapes_test

test_shapes = shapes_test(
    [
        ("BatchNorm", "", [(5,)], [(5,)], [(1,), (1,), (1,)]),
        ("MVN", "", [(5,)], [(5, 1, 1, 1)], []),
        ("Normalize", "norm_param { channel_shared: false }", [IMAGE], [IMAGE], [(4,)]),
    ]
)  # fmt: skip


test_refusals = refusals_test(
    [
        ("LRN", "lrn_param { local_size: 4 }", [IMAGE], 1, "local_size must be odd"),
        ("LRN", "", [(2, 4)], 1, "LRN needs 4 axes"),
        ("MVN", "", [(1, 2, 3, 4, 5)], 1, "at most 4 axes"),
    ]
)  # fmt: skip
