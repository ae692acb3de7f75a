"""Counter-examples that the raising law and random graphs have found, each by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from bridge.errors import UnsupportedOperatorError
from bridge.layout import Layout
from tests.helpers.keras_against_onnx import Array, graph, plan_of, raise_and_compare, seeded


def hold(
    text: str,
    feeds: Mapping[str, Array],
    constants: Mapping[str, Array] | None = None,
    **layouts: Layout,
) -> Any:
    return raise_and_compare(graph(text, constants), feeds, layouts=layouts)


CUBE = Layout.identity((2, 2, 2))


def test_an_operand_along_a_middle_axis_as_long_as_the_last() -> None:
    """Keras took it for a bias of the last axis."""
    text = "g (float[2,2,2] x, float[2,1] v) => (float[2,2,2] y) { y = Add(x, v) }"
    feeds = {"x": seeded((2, 2, 2)), "v": seeded((2, 1), 1)}
    hold(text, feeds, x=CUBE, v=Layout.identity((2, 1)))


def test_a_bias_along_a_middle_axis_as_long_as_the_last() -> None:
    text = "g (float[2,2,2] x) => (float[2,2,2] y) { a = Mul(x, s)  y = Add(a, t) }"
    constants = {"s": seeded((2, 1)), "t": seeded((2, 1), 1)}
    plan = hold(text, {"x": seeded((2, 2, 2))}, constants, x=CUBE).plan
    assert [call.target for call in plan.calls][-1] != "ops.add"


def test_a_batch_as_long_as_the_channels() -> None:
    """Only when the model runs is it known which axis Keras takes."""
    text = "g (float[n,3,3,3] x, float[n,1,1,1] v) => (float[n,3,3,3] y) { y = Add(x, v) }"
    raise_and_compare(graph(text), {"x": seeded((3, 3, 3, 3)), "v": seeded((3, 1, 1, 1), 1)})


def test_an_operand_over_part_of_a_stored_axis() -> None:
    """n (c h w) beside one value for each channel."""
    text = "g (float[2,2,2] x, float[2,1] v) => (float[2,2,2] y) { y = Mul(x, v) }"
    feeds = {"x": seeded((2, 2, 2)), "v": seeded((2, 1), 1)}
    merged = Layout(((2,), (2,), (2,)), ((0,), (1, 2)))
    hold(text, feeds, x=merged, v=Layout.identity((2, 1)))


def test_slopes_over_part_of_a_stored_axis() -> None:
    text = "g (float[1,1,1,2,2] x) => (float[1,1,1,2,2] y) { y = PRelu(x, s) }"
    merged = Layout(((1,), (1,), (1,), (2,), (2,)), ((0,), (1, 2, 3, 4)))
    hold(text, {"x": seeded((1, 1, 1, 2, 2))}, {"s": seeded((1, 1, 1, 1, 2))}, x=merged)


def test_slopes_along_the_first_stored_axis() -> None:
    """Keras has none for the batch, so the batch goes first."""
    text = "g (float[2,3] x) => (float[2,3] y) { y = PRelu(x, s) }"
    hold(text, {"x": seeded((2, 3))}, {"s": seeded((3,))}, x=Layout.ordered((2, 3), (1, 0)))


def test_the_greatest_of_two_constants_and_a_tensor() -> None:
    """Of constants alone Keras makes no node."""
    text = "g (float[2] x) => (float[2] y) { y = Max(a, b, x) }"
    hold(
        text,
        {"x": seeded((2,))},
        {"a": seeded((2,), 1), "b": seeded((2,), 2)},
        x=Layout.identity((2,)),
    )


def test_a_constant_added_with_a_factor_to_a_computed_product() -> None:
    text = """g (float[3,2] a) => (float[2,4] y) {
        y = Gemm<transA=1, alpha=-2.0, beta=3.0>(a, b, c)
    }"""
    constants = {"b": seeded((3, 4), 1), "c": seeded((4,), 2)}
    hold(text, {"a": seeded((3, 2))}, constants, a=Layout.identity((3, 2)))


def test_indices_of_maxima_where_the_batch_is_shuffled() -> None:
    text = """g (float[8,1,1,1] x) => (float[8,1,1,1] y, int64[8,1,1,1] places) {
        y, places = MaxPool<kernel_shape=[1,1]>(x)
    }"""
    shuffled = Layout(((2, 2, 2), (1,), (1,), (1,)), ((0, 2, 1), (3,), (4,), (5,)))
    hold(text, {"x": seeded((8, 1, 1, 1))}, x=shuffled)


def test_the_softmax_of_a_vector_that_lies_on_two_axes() -> None:
    text = "g (float[4] x) => (float[4] y) { y = Softmax<axis=0>(x) }"
    hold(text, {"x": seeded((4,))}, x=Layout(((2, 2),), ((0,), (1,))))


@pytest.mark.parametrize("keepdims", [0, 1])
def test_reduced_axes_of_size_1_that_share_a_place(keepdims: int) -> None:
    rest = ",1,1,1" if keepdims else ""
    text = f"""g (float[1,1,1] x) => (float[{rest[1:]}] y) {{
        y = ReduceMax<keepdims={keepdims}>(x)
    }}"""
    hold(text, {"x": seeded((1, 1, 1))}, x=Layout(((1,), (1,), (1,)), ((0,), (1, 2))))


def test_a_constant_spanning_an_axis_of_unknown_size_is_no_weight() -> None:
    text = "g (float[n,2,d] x) => (float[n,2,2] y) { y = Mul(x, s) }"
    constants, plain = {"s": seeded((1, 1, 2))}, Layout.identity(("n", 2, "d"))
    assert hold(text, {"x": seeded((2, 2, 2))}, constants, x=plain).model.weights == []


def test_slopes_along_an_axis_of_unknown_size_are_refused() -> None:
    text = "g (float[n,2,d] x) => (float[n,2,d] y) { y = PRelu(x, s) }"
    with pytest.raises(UnsupportedOperatorError, match="unknown size"):
        plan_of(graph(text, {"s": seeded((1, 1, 2))}))


def test_an_axis_whose_size_only_the_result_knows() -> None:
    text = "g (float[n,2,d] x) => (float[n,2,2] y) { a = Mul(x, s)  y = Add(a, t) }"
    merged = Layout((("n",), (2,), ("d",)), ((0,), (1, 2)))
    constants = {"s": seeded((1, 2, 2)), "t": seeded((1, 2, 2), 1)}
    hold(text, {"x": seeded((2, 2, 2))}, constants, x=merged)


def test_axes_of_a_pad_may_be_given_without_a_value() -> None:
    text = "g (float[2,3] x) => (float[2,5] y) { y = Pad(x, pads, , axes) }"
    constants = {"pads": np.array([1, 1], np.int64), "axes": np.array([1], np.int64)}
    raise_and_compare(graph(text, constants, opset=18), {"x": seeded((2, 3))})


def test_a_broadcast_over_more_axes_than_tensorflow_takes() -> None:
    """Interleaved atoms, of which each second is broadcast over."""
    text = "g (float[8,8] x, float[8,1] v) => (float[8,8] y) { y = Sub(x, v) }"
    mixed = Layout(((2, 2, 2), (2, 2, 2)), ((0, 3, 1, 4, 2, 5),))
    feeds = {"x": seeded((8, 8)), "v": seeded((8, 1), 1)}
    hold(text, feeds, x=mixed, v=Layout.identity((8, 1)))


def test_joined_channels_that_share_an_axis_with_a_free_batch() -> None:
    part = Layout.concatenated([Layout.identity((2,)), Layout(((2, 2),), ((1, 0),))])
    shared = Layout((("n",), (1,), part.atoms), ((1,), (0, 2)))
    text = "g (float[n,1,6] x) => (float[n,1,6] y) { y = Abs(x) }"
    hold(text, {"x": seeded((2, 1, 6))}, x=shared)


@pytest.mark.parametrize("shape", [(4, 1), (1, 1, 4, 1)])
def test_a_product_of_matrices_in_rows_of_one(shape: tuple[int, ...]) -> None:
    """TensorFlow's own product gives noise, or ends the process."""
    text = f"""g (float[n,1,6,4] x, float[{",".join(map(str, shape))}] w) => (float[n,1,6,1] y) {{
        y = MatMul(x, w)
    }}"""
    x = Layout.identity(("n", 1, 6, 4))
    hold(text, {"x": seeded((3, 1, 6, 4)), "w": seeded(shape, 1)}, x=x, w=Layout.identity(shape))
