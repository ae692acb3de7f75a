"""Rules whose results come out in the order that is wished of them."""

from __future__ import annotations

import numpy as np

from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded


def test_a_convolution_gives_its_channels_shuffled() -> None:
    """A convolution in groups reads them plain, and nothing moves: kernel and bias are shuffled."""
    text = """net (float[N,5,4,4] x) => (float[N,4,2,2] y) {
        made = Conv(x, w, bias)
        cut = Reshape(made, apart)
        turned = Transpose<perm=[0, 2, 1, 3, 4]>(cut)
        shuffled = Reshape(turned, together)
        y = Conv<group=2>(shuffled, k)
    }"""
    weights = {"w": seeded((6, 5, 1, 1)), "bias": seeded((6,), 1), "k": seeded((4, 3, 3, 3), 2)}
    shapes = {"apart": np.array([0, 2, 3, 4, 4]), "together": np.array([0, 6, 4, 4])}
    raised = raise_and_compare(graph(text, {**weights, **shapes}), {"x": seeded((2, 5, 4, 4), 3)})
    assert raised.plan.permutations == ()
