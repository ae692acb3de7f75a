"""Matrix products."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import strategies as st

from bridge.layout import Layout
from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded
from tests.helpers.strategies.nodes import (
    Draw,
    NodeExample,
    Operand,
    Tensor,
    broadcast,
    nodes_of,
    shapes,
    tensor,
    values,
    vector,
)


@nodes_of("Det")
@st.composite
def det(draw: Draw, operator: str) -> NodeExample:
    size, leading = draw(st.integers(1, 4)), draw(shapes(0, 2))
    x = draw(tensor((*leading, size, size), batch=0 if leading else None))
    return NodeExample((operator,), (x,))


@nodes_of("Gemm")
@st.composite
def gemm(draw: Draw, operator: str) -> NodeExample:
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
    return NodeExample((operator,), tuple(operands), attributes)


@st.composite
def dense(draw: Draw, operator: str, rows: int, inner: int, columns: int) -> NodeExample:
    """A matrix times a constant one, plus a row, as most nets have it."""
    flip = draw(st.integers(0, 1))
    b = draw(values((columns, inner) if flip else (inner, columns)))
    operands = (draw(tensor((rows, inner))), b, draw(vector(columns)))
    return NodeExample((operator,), operands[: draw(st.integers(2, 3))], {"transB": flip})


@nodes_of("MatMul")
@st.composite
def matmul(draw: Draw, operator: str) -> NodeExample:
    *lead, rows, inner, columns = draw(shapes(3, 5))
    left = draw(
        st.sampled_from([(*lead, rows, inner), (*lead, rows, inner), (rows, inner), (inner,)])
    )
    right_lead = draw(st.sampled_from([(), tuple(lead)]) | broadcast(tuple(lead)))
    right = (*right_lead, inner, columns)
    a, b = draw(values(left)), draw(values(right))
    computed = draw(st.sampled_from(["a", "a", "b", "ab"]))
    batch = {0: "batch"} if len(left) > 1 and len(right) == 2 else {}
    return NodeExample(
        (operator,),
        (Tensor(a, batch) if "a" in computed else a, Tensor(b) if "b" in computed else b),
    )


@nodes_of("bridge::Linear")
@st.composite
def linear(draw: Draw, operator: str) -> NodeExample:
    *lead, inner, columns = draw(shapes(3, 5))
    x, matrix = draw(tensor((*lead, inner))), draw(values((inner, columns)))
    return NodeExample(("MatMul", "Add"), (x, matrix, draw(values((columns,)))))


# Examples


def test_flatten_and_gemm_are_one_dense_layer_without_a_transpose() -> None:
    text = """g (float[n,2,3,3] x) => (float[n,5] y) {
        flat = Flatten(x)  y = Gemm<transB=1>(flat, w, b)
    }"""
    model = graph(text, {"w": seeded((5, 18), 1), "b": seeded((5,), 2)})
    plan = raise_and_compare(model, {"x": seeded((2, 2, 3, 3))}).plan
    assert [call.target for call in plan.calls] == ["layers.Flatten", "layers.Dense"]


def test_a_constant_added_with_a_factor_to_a_computed_product() -> None:
    text = """g (float[3,2] a) => (float[2,4] y) {
        y = Gemm<transA=1, alpha=-2.0, beta=3.0>(a, b, c)
    }"""
    model = graph(text, {"b": seeded((3, 4), 1), "c": seeded((4,), 2)})
    raise_and_compare(model, {"a": seeded((3, 2))}, layouts={"a": Layout.identity((3, 2))})


@pytest.mark.parametrize("shape", [(4, 1), (1, 1, 4, 1)])
def test_a_matrix_product_with_rows_of_one_number(shape: tuple[int, ...]) -> None:
    """TensorFlow's own product gives noise, or ends the process."""
    text = f"""g (float[n,1,6,4] x, float[{",".join(map(str, shape))}] w) => (float[n,1,6,1] y) {{
        y = MatMul(x, w)
    }}"""
    layouts = {"x": Layout.identity(("n", 1, 6, 4)), "w": Layout.identity(shape)}
    feeds = {"x": seeded((3, 1, 6, 4)), "w": seeded(shape, 1)}
    raise_and_compare(graph(text), feeds, layouts=layouts)
