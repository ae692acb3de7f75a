"""Shapes of matrix products, and what is refused as Caffe would."""

from __future__ import annotations

from tests.helpers.shape_rules import IMAGE, refusals_test, shapes_test

test_shapes = shapes_test(
    [
        (
            "InnerProduct",
            "inner_product_param { num_output: 5 axis: -2 transpose: true }",
            [IMAGE],
            [(2, 4, 5)],
            [(42, 5), (5,)],
        ),
        (
            "Embed",
            "embed_param { num_output: 3 input_dim: 9 bias_term: false }",
            [(2, 4)],
            [(2, 4, 3)],
            [(9, 3)],
        ),
    ]
)  # fmt: skip


test_refusals = refusals_test(
    [
        ("InnerProduct", "", [IMAGE], 1, "num_output must be positive"),
        ("InnerProduct", "inner_product_param { num_output: 1 axis: 4 }", [IMAGE], 1,
         "no such axis"),
        ("Embed", "embed_param { num_output: 3 }", [(2,)], 1, "input_dim must be positive"),
    ]
)  # fmt: skip
