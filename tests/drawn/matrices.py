"""Nodes to draw from: products of matrices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from tests.drawn.merging import broadcast
from tests.helpers.node_strategies import (
    Draw,
    Drawn,
    Operand,
    Tensor,
    row,
    shapes,
    tensor,
    values,
    vector,
)


@row("Gemm")
@st.composite
def gemm(draw: Draw, operator: str) -> Drawn:
    rows, inner, columns = draw(shapes(3, 3))
    if draw(st.booleans()):
        return draw(dense(operator, rows, inner, columns))
    flip_a, flip_b = draw(st.sampled_from([(0, 0), (0, 1), (0, 1), (1, 0), (1, 1)]))
    attributes = {"transA": flip_a, "transB": flip_b}
    attributes |= draw(st.sampled_from([{}, {"alpha": 0.5}, {"alpha": -2.0, "beta": 3.0}]))
    b: Operand = draw(values((columns, inner) if flip_b else (inner, columns)))
    added = [None, (columns,), (1, columns), (1,), (), (rows, columns), (rows, 1)]
    shape_c = draw(st.sampled_from(added))
    c: Operand = None if shape_c is None else draw(values(shape_c))
    of_each_row = shape_c is not None and len(shape_c) == 2 and shape_c[0] == rows
    symbol = 1 if flip_a else 0
    a = draw(tensor((inner, rows) if flip_a else (rows, inner), batch=symbol))
    a = replace(a, free={}) if of_each_row else a
    computed = draw(st.sampled_from(["a", "a", "a", "b", "c", "abc"]))
    operands = [a if "a" in computed or "c" in computed else a.values]
    operands.append(Tensor(b) if "b" in computed else b)
    if c is not None:
        operands.append(Tensor(c) if "c" in computed and np.ndim(c) else c)
    return Drawn((operator,), tuple(operands), attributes)


@st.composite
def dense(draw: Draw, operator: str, rows: int, inner: int, columns: int) -> Drawn:
    """A matrix times a constant one, plus a row, as most nets have it."""
    flip = draw(st.integers(0, 1))
    b = draw(values((columns, inner) if flip else (inner, columns)))
    operands = (draw(tensor((rows, inner))), b, draw(vector(columns)))
    return Drawn((operator,), operands[: draw(st.integers(2, 3))], {"transB": flip})


@row("MatMul")
@st.composite
def matmul(draw: Draw, operator: str) -> Drawn:
    *lead, rows, inner, columns = draw(shapes(3, 5))
    left = draw(
        st.sampled_from([(*lead, rows, inner), (*lead, rows, inner), (rows, inner), (inner,)])
    )
    right_lead = draw(st.sampled_from([(), tuple(lead)]) | broadcast(tuple(lead)))
    right = (*right_lead, inner, columns)
    a, b = draw(values(left)), draw(values(right))
    computed = draw(st.sampled_from(["a", "a", "b", "ab"]))
    batch = {0: "batch"} if len(left) > 1 and len(right) == 2 else {}
    return Drawn(
        (operator,),
        (Tensor(a, batch) if "a" in computed else a, Tensor(b) if "b" in computed else b),
    )


@row("bridge::Linear")
@st.composite
def linear(draw: Draw, operator: str) -> Drawn:
    *lead, inner, columns = draw(shapes(3, 5))
    x, matrix = draw(tensor((*lead, inner))), draw(values((inner, columns)))
    return Drawn(("MatMul", "Add"), (x, matrix, draw(values((columns,)))))
