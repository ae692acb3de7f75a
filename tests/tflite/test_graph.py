"""Tensors and operators while they are emitted."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.layout import Layout, Weight
from bridge.tflite.graph import Graph, NotWrittenError, sizes_of, transposed

KERNEL = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def weight(layout: Layout | None = None) -> Weight:
    return Weight(KERNEL.shape, lambda: KERNEL, layout=layout)


@pytest.mark.parametrize(
    "layout",
    [
        None,
        Layout.ordered((2, 3, 4), (2, 0, 1)),
        Layout.ordered((2, 3, 4), (1, 2, 0)).grouped((2, 3, 4)),
        Layout.concatenated([Layout.ordered((2, 2), (1, 0)).flat()]).within((2, 3, 4), 2),
    ],
    ids=str,
)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_axes_of_the_array_are_in_another_order(
    layout: Layout | None, order: tuple[int, ...]
) -> None:
    stored = weight(layout)
    expected = stored.array().transpose(order)
    moved = transposed(stored, order)
    np.testing.assert_array_equal(moved.array(), expected)
    np.testing.assert_array_equal(np.concatenate([*moved.pieces()]), expected.ravel())


def test_a_weight_is_one_tensor_for_all_that_ask_for_the_same() -> None:
    graph, kernel = Graph(scope="conv"), weight()
    one, other = (graph.weight("kernel", kernel, (1, 0, 2)) for _ in range(2))
    assert one is other
    assert (one.name, one.shape) == ("conv/kernel", (3, 2, 4))
    assert graph.weight("kernel", weight(), (1, 0, 2)).name == "conv/kernel_2"
    assert graph.weight("kernel", kernel, (0, 1, 2)) is not one


def test_equal_constants_are_one_tensor() -> None:
    graph = Graph()
    assert graph.constant([1, 2]) is graph.constant([1, 2])
    assert graph.constant([1, 2]) is not graph.constant([[1, 2]])
    assert graph.constant(1, "float32") is not graph.constant(1)


def test_an_operator_names_its_results_and_counts_them() -> None:
    graph = Graph(scope="a")
    x = graph.tensor("x", (None, 2), "float32")
    results = [graph.op("RELU", x, shape=x.shape) for _ in range(2)]
    assert [result.name for result in results] == ["a/relu", "a/relu_2"]
    assert {result.dtype for result in results} == {"float32"}


@pytest.mark.parametrize(("shape", "dtype"), [((2, 0), "float32"), ((2,), "complex64")])
def test_what_is_no_tensor_is_said(shape: tuple[int, ...], dtype: str) -> None:
    with pytest.raises(NotWrittenError):
        Graph().tensor("x", shape, dtype)


def test_symbols_are_free() -> None:
    assert sizes_of(("n", 3, None)) == (None, 3, None)
