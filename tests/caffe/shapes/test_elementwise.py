"""Shapes of elementwise layers, and what is refused as Caffe would."""

from __future__ import annotations

from tests.helpers.shape_rules import IMAGE, refusals_test, shapes_test

test_shapes = shapes_test(
    [
        ("Scale", "", [IMAGE], [IMAGE], [(4,)]),
        ("Scale", "scale_param { axis: 0 num_axes: -1 bias_term: true }", [IMAGE], [IMAGE],
         [IMAGE, IMAGE]),
        ("Scale", "scale_param { num_axes: 0 }", [IMAGE], [IMAGE], [()]),
        ("Scale", "scale_param { axis: -2 bias_term: true }", [IMAGE, (6, 7)], [IMAGE], [(6, 7)]),
        ("Scale", "scale_param { axis: 9 }", [IMAGE, ()], [IMAGE], []),
        ("Bias", "bias_param { num_axes: 2 }", [IMAGE], [IMAGE], [(4, 6)]),
        ("Bias", "", [IMAGE, (4, 6)], [IMAGE], []),
    ]
)  # fmt: skip


test_refusals = refusals_test(
    [
        ("Eltwise", "", [IMAGE], 1, "the number of its bottoms"),
        ("Eltwise", "", [IMAGE, (2, 4, 1, 1)], 1, "different shapes"),
        ("Eltwise", "eltwise_param { coeff: 1 }", [IMAGE, IMAGE], 1, "coeff does not match"),
        ("Eltwise", "eltwise_param { operation: PROD coeff: [1, 2] }", [IMAGE, IMAGE], 1,
         "only SUM takes coeff"),
        ("Scale", "scale_param { num_axes: 4 }", [IMAGE], 1, "axes beyond the input's"),
        ("Scale", "", [IMAGE, (6,)], 1, "its bottoms do not fit"),
        ("Scale", "scale_param { num_axes: -2 }", [IMAGE], 1, "num_axes must be -1 or more"),
        ("Axpy", "", [(2, 4, 1, 2), IMAGE, IMAGE], 1, "its factor does not fit"),
    ]
)  # fmt: skip
