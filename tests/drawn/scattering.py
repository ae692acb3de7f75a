"""Nodes to draw from: those that put updates at places."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from tests.helpers.node_strategies import Array, Draw, Drawn, Operand, Tensor, row, shapes, values

REDUCTIONS = st.sampled_from([{}, {"reduction": "add"}, {"reduction": "mul"}])


@st.composite
def known_or_not(draw: Draw, array: Array) -> Operand:
    return draw(st.sampled_from([array, Tensor(array), Tensor(array)]))


@row("ScatterElements", since=11)
@st.composite
def scatter_elements(draw: Draw, operator: str) -> Drawn:
    """Each place once: which of two updates of one place counts, ONNX leaves open."""
    shape = draw(shapes(1, 4))
    axis = draw(st.integers(0, len(shape) - 1))
    number = draw(st.integers(1, shape[axis]))
    sizes = (*shape[:axis], number, *shape[axis + 1 :])
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    places = generator.random(shape).argsort(axis).take(range(number), axis=axis)
    places = places - draw(st.sampled_from([0, shape[axis]]))
    operands = (
        draw(known_or_not(draw(values(shape)))),
        Tensor(places),
        draw(known_or_not(draw(values(sizes)))),
    )
    return Drawn((operator,), operands, {"axis": axis, **draw(REDUCTIONS)})


@row("ScatterND", since=11)
@st.composite
def scatter_nd(draw: Draw, operator: str) -> Drawn:
    """Each place once, as above."""
    shape = draw(shapes(1, 4))
    depth = draw(st.integers(1, len(shape)))
    every = np.stack(np.indices(shape[:depth]), axis=-1).reshape(-1, depth)
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    number = draw(st.integers(1, min(4, len(every))))
    places = generator.permutation(every)[:number].astype(np.int64)
    if draw(st.booleans()):
        places = places[:, None]
    updates = draw(values((*places.shape[:-1], *shape[depth:])))
    operands = (
        draw(known_or_not(draw(values(shape)))),
        Tensor(places),
        draw(known_or_not(updates)),
    )
    return Drawn((operator,), operands, draw(REDUCTIONS))
