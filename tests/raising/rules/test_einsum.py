"""Sums of products, by letters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from tests.helpers.keras_against_onnx import graph, plan_of, raise_and_compare, seeded
from tests.helpers.strategies.nodes import Draw, NodeExample, Tensor, nodes_of, values

EQUATIONS = (
    "abc,acd->abd", "abcd,cde->abe", "ab,cb", "abcd->dbca", "abc,abc->a", "...ab,...bc->...ac",
    "abca->abc", "a...->...", "abhw,bc->achw",
)  # fmt: skip


@nodes_of("Einsum", since=12)
@st.composite
def einsum(draw: Draw, operator: str) -> NodeExample:
    equation = draw(st.sampled_from(EQUATIONS))
    letters = dict(zip("abcdehw", draw(st.permutations([1, 2, 3, 4, 5, 2, 3])), strict=True))
    terms = equation.partition("->")[0].split(",")
    shapes = [[letters.get(c, 2) for c in term.replace("...", "x")] for term in terms]
    arrays = [draw(values(shape)) for shape in shapes]
    computed = draw(st.integers(0, len(arrays) - 1))
    tensors = [Tensor(a) if i >= computed else a for i, a in enumerate(arrays)]
    return NodeExample((operator,), tuple(tensors), {"equation": equation})


# Examples


def test_an_einsum_takes_a_tensor_as_it_is_stored() -> None:
    text = """g (float[n,3,4,5] x) => (float[n,6,4,5] y) {
        a = Conv(x, w)
        b = Einsum<equation="nchw,cd->ndhw">(a, c)
        y = Relu(b)
    }"""
    model = graph(text, {"w": seeded((3, 3, 1, 1)), "c": seeded((3, 6))})
    raise_and_compare(model, {"x": seeded((2, 3, 4, 5))})
    assert not plan_of(model).permutations


@pytest.mark.parametrize("batch", [1, 3])
def test_a_free_batch(batch: int) -> None:
    text = 'g (float[n,t,4] x) => (float[n,t,t] y) { y = Einsum<equation="nad,nbd->nab">(x, x) }'
    raise_and_compare(graph(text), {"x": np.ones((batch, 5, 4), np.float32)})
