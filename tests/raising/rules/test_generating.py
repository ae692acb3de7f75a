"""Tensors that a size or an index describes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded
from tests.helpers.strategies.nodes import (
    Draw,
    NodeExample,
    Tensor,
    nodes_of,
    shapes,
    tensor,
    values,
)

SCALAR = (np.float32, np.int32, np.int64)


@nodes_of("Range", since=11)
@st.composite
def range_of(draw: Draw, operator: str) -> NodeExample:
    dtype = draw(st.sampled_from(SCALAR))
    start, limit = draw(st.integers(-4, 4)), draw(st.integers(-4, 9))
    delta = draw(st.sampled_from([1, 2, 3, -1, -2]))
    if (limit - start) * delta <= 0:
        start, limit = (0, 3) if delta > 0 else (3, 0)
    numbers = [np.array(number, dtype) for number in (start, limit, delta)]
    computed = draw(st.sets(st.integers(0, 2), min_size=1))
    return NodeExample(
        (operator,), tuple(Tensor(n) if i in computed else n for i, n in enumerate(numbers))
    )


@nodes_of("EyeLike", since=9)
@st.composite
def eye_like(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(2, 2))
    attributes = {"k": draw(st.integers(-3, 3)), **draw(st.sampled_from([{}, {"dtype": 6}]))}
    return NodeExample((operator,), (draw(tensor(shape, batch=None)),), attributes)


@nodes_of("Size")
@st.composite
def size(draw: Draw, operator: str) -> NodeExample:
    return NodeExample((operator,), (draw(tensor(draw(shapes(1, 4)))),))


@nodes_of("ConstantOfShape", since=9)
@st.composite
def constant_of_shape(draw: Draw, operator: str) -> NodeExample:
    lengths = np.array(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    return NodeExample((operator,), (Tensor(lengths),))


@nodes_of("OneHot", since=9)
@st.composite
def one_hot(draw: Draw, operator: str) -> NodeExample:
    shape, depth = draw(shapes(1, 3)), draw(st.integers(1, 5))
    indices = np.floor(draw(values(shape, -7, 7))).astype(np.int64)
    axis = draw(st.integers(-len(shape) - 1, len(shape)))
    on_off = np.array([-1, 2], draw(st.sampled_from([np.float32, np.int64])))
    operands = (Tensor(indices, {0: "batch"}), np.array([depth]), on_off)
    return NodeExample((operator,), operands, {"axis": axis})


@nodes_of("Trilu", since=14)
@st.composite
def trilu(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(2, 4))
    x = Tensor(draw(values(shape)), {0: "batch", len(shape) - 1: "width"})
    k = draw(st.one_of(st.none(), st.integers(-9, 9).map(lambda n: np.array(n, np.int64))))
    operands = (x,) if k is None else (x, k)
    return NodeExample((operator,), operands, {"upper": draw(st.integers(0, 1))})


# Examples


@pytest.mark.parametrize(("value", "dtype"), [(2.5, "float"), (3, "int32"), (1, "bool")])
def test_a_constant_of_a_shape_that_the_data_give(value: float, dtype: str) -> None:
    text = f"""g (float[n,3,m] x) => ({dtype}[a,b,c] y) {{
        s = Shape(x)
        y = ConstantOfShape<value={dtype}[1] {{{value}}}>(s)
    }}"""
    raise_and_compare(graph(text), {"x": seeded((2, 3, 5))})


def test_a_range_up_to_a_size_that_is_open() -> None:
    text = """g (int64[n,t] ids) => (int64[m] y) {
        s = Shape<start=1>(ids)
        z = Constant<value=int64 {0}>()
        o = Constant<value=int64 {1}>()
        t = Squeeze(s)
        y = Range(z, t, o)
    }"""
    raise_and_compare(graph(text), {"ids": np.zeros((2, 7), np.int64)})


def test_an_upper_triangle_keeps_infinities_and_a_single_token() -> None:
    text = "g (float[t,t] x) => (float[t,t] y) { k = Constant<value=int64 {1}>() y = Trilu(x, k) }"
    for length in (1, 4):
        raise_and_compare(graph(text), {"x": np.full((length, length), -np.inf, np.float32)})
