"""Tensors without elements, as they come in, go out and pass through."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.errors import UnsupportedOperatorError
from tests.helpers.keras_against_onnx import graph, plan_of, raise_and_compare, seeded

ARRAYS = {
    "two": np.array([2]),
    "axes": np.array([1]),
    "parts": np.array([0, 3, 0]),
    "nothing": np.zeros((2, 0, 4), np.float32),
}


@pytest.mark.parametrize(
    ("result", "node"),
    [
        ("float[2,1,4] y", "ReduceMax(x, axes)"),
        ("float[2,1,4] y", "ReduceMin(x, axes)"),
        ("float[2,1,4] y", "ReduceProd(x, axes)"),
        ("float[2,1,4] y", "ReduceLogSumExp(x, axes)"),
        ("float[2,4] y", "ReduceL2<keepdims=0>(x, axes)"),
        ("int64[3] y", "Shape(x)"),
        ("float[4,0,3] y", "Reshape<allowzero=1>(x, empty)"),
        ("float[2,0,4] y", "Exp(x)"),
        ("float[4,2,0] y", "Transpose<perm=[2,0,1]>(x)"),
        ("float[2,3,4] y", "Concat<axis=1>(x, rest)"),
        ("float[2,0,4] y", "Concat<axis=1>(x, nothing)"),
        ("float[2,0,4] y", "Add(x, bias)"),
    ],
)
def test_a_tensor_of_no_elements_is_an_input(result: str, node: str) -> None:
    text = f"""g (float[2,0,4] x, float[2,3,4] rest) => ({result}, float[2,3,4] z) {{
        y = {node}
        z = Exp(rest)
    }}"""
    arrays = {**ARRAYS, "empty": np.array([4, 0, 3]), "bias": seeded((4,))}
    used = {name: array for name, array in arrays.items() if name in node}
    feeds = {"x": np.zeros((2, 0, 4), np.float32), "rest": seeded((2, 3, 4))}
    raise_and_compare(graph(text, used, opset=18), feeds)


def test_a_part_of_no_elements() -> None:
    """A Slice, and a Split, to nothing: as a first step of a loop that was written out."""
    text = """g (float[2,3,4,5] x) => (float[2,0,4,5] y, float[2,0,4,5] a, float[2,3,4,5] b) {
        y = Slice(x, two, two, axes)
        a, b, c = Split<axis=1>(x, parts)
    }"""
    used = {name: ARRAYS[name] for name in ("two", "axes", "parts")}
    raise_and_compare(graph(text, used), {"x": seeded((2, 3, 4, 5))})


def test_what_is_put_on_to_nothing() -> None:
    """A cache that is empty at first."""
    text = """g (float[2,3,4] x) => (float[2,3,4] y) { y = Concat<axis=1>(nothing, x) }"""
    raise_and_compare(graph(text, {"nothing": ARRAYS["nothing"]}), {"x": seeded((2, 3, 4))})


def test_an_operator_that_takes_no_empty_tensor_says_so() -> None:
    text = "g (float[0,3,8,8] x) => (float[0,4,8,8] y) { y = Conv<pads=[1,1,1,1]>(x, w) }"
    with pytest.raises(
        UnsupportedOperatorError, match="some exporters write 0 for a size"
    ) as error:
        plan_of(graph(text, {"w": seeded((4, 3, 3, 3))}))
    assert "'x' has no elements" in str(error.value)
