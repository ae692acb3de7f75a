"""Tensors of more axes than TensorFlow's functions take on the CPU."""

from __future__ import annotations

import pytest

from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded


@pytest.mark.parametrize("axis", range(6))
def test_softmax_over_six_axes(axis: int) -> None:
    shape = (2, 3, 2, 4, 3, 2)
    sizes = ",".join(map(str, shape))
    model = graph(f"net (float[{sizes}] x) => (float[{sizes}] y) {{ y = Softmax<axis={axis}>(x) }}")
    raise_and_compare(model, {"x": seeded(shape)})


def test_softmax_over_six_axes_of_a_free_batch() -> None:
    model = graph("net (float[N,3,2,4,3,2] x) => (float[N,3,2,4,3,2] y) { y = Softmax<axis=2>(x) }")
    raise_and_compare(model, {"x": seeded((2, 3, 2, 4, 3, 2))})
