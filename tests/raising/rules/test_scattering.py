"""Updates at indices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from bridge.errors import UnsupportedOperatorError
from tests.helpers.keras_against_onnx import graph, plan_of, raise_and_compare, seeded
from tests.helpers.strategies.nodes import (
    Array,
    Draw,
    NodeExample,
    Operand,
    Tensor,
    nodes_of,
    shapes,
    values,
)

REDUCTIONS = st.sampled_from([{}, {"reduction": "add"}, {"reduction": "mul"}])


@st.composite
def known_or_not(draw: Draw, array: Array) -> Operand:
    return draw(st.sampled_from([array, Tensor(array), Tensor(array)]))


@nodes_of("ScatterElements", since=11)
@st.composite
def scatter_elements(draw: Draw, operator: str) -> NodeExample:
    """Each index once: which of two updates at one index counts, ONNX leaves open."""
    shape = draw(shapes(1, 4))
    axis = draw(st.integers(0, len(shape) - 1))
    number = draw(st.integers(1, shape[axis]))
    sizes = (*shape[:axis], number, *shape[axis + 1 :])
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    indices = generator.random(shape).argsort(axis).take(range(number), axis=axis)
    indices = indices - draw(st.sampled_from([0, shape[axis]]))
    operands = (
        draw(known_or_not(draw(values(shape)))),
        Tensor(indices),
        draw(known_or_not(draw(values(sizes)))),
    )
    return NodeExample((operator,), operands, {"axis": axis, **draw(REDUCTIONS)})


@nodes_of("ScatterND", since=11)
@st.composite
def scatter_nd(draw: Draw, operator: str) -> NodeExample:
    """Each index once, as above."""
    shape = draw(shapes(1, 4))
    depth = draw(st.integers(1, len(shape)))
    all_indices = np.stack(np.indices(shape[:depth]), axis=-1).reshape(-1, depth)
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    number = draw(st.integers(1, min(4, len(all_indices))))
    indices = generator.permutation(all_indices)[:number].astype(np.int64)
    if draw(st.booleans()):
        indices = indices[:, None]
    updates = draw(values((*indices.shape[:-1], *shape[depth:])))
    operands = (
        draw(known_or_not(draw(values(shape)))),
        Tensor(indices),
        draw(known_or_not(updates)),
    )
    return NodeExample((operator,), operands, draw(REDUCTIONS))


# Examples


def test_several_updates_at_one_index_add_up() -> None:
    text = """g (float[3] x, int64[4] indices, float[4] updates) => (float[3] y) {
        y = ScatterElements<reduction="add">(x, indices, updates)
    }"""
    feeds = {"x": seeded((3,)), "indices": np.array([2, 0, 2, 2]), "updates": seeded((4,), 1)}
    raise_and_compare(graph(text, opset=18), feeds)


def test_constant_indices_are_refused() -> None:
    text = """g (float[3] x, float[2] updates) => (float[3] y) {
        y = ScatterElements(x, indices, updates)
    }"""
    with pytest.raises(UnsupportedOperatorError, match="constant indices"):
        plan_of(graph(text, {"indices": np.array([2, 0])}))
