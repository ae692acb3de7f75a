"""Unique elements, and counts of n-grams."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from bridge.errors import UnsupportedOperatorError
from tests.helpers.keras_against_onnx import graph, plan_of, raise_and_compare
from tests.helpers.strategies.nodes import Draw, NodeExample, Tensor, nodes_of, shapes

POOL = [1, 2, 3, 1, 2, 2, 3, 3, 1, 1, 2, 3]  # 1 2 3, then 1 2, 2 3, 3 1, then 1 2 3


@nodes_of("Unique")
@st.composite
def unique(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 3))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = generator.integers(0, 3, shape).astype(np.float32)
    axes = st.none() | st.integers(-len(shape), len(shape) - 1)
    axis, in_order = draw(axes), draw(st.integers(0, 1))
    attributes = {"sorted": in_order, **({} if axis is None else {"axis": axis})}
    absent = draw(st.sampled_from([frozenset[int](), frozenset({1}), frozenset({1, 2})]))
    return NodeExample((operator,), (Tensor(x),), attributes, outputs=4, absent=absent)


@nodes_of("TfIdfVectorizer")
@st.composite
def tf_idf(draw: Draw, operator: str) -> NodeExample:
    shape = (*draw(st.sampled_from([(), (1,), (3,)])), draw(st.integers(3, 9)))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = generator.integers(1, 4, shape).astype(draw(st.sampled_from([np.int32, np.int64])))
    least = draw(st.integers(1, 3))
    attributes = {
        "mode": draw(st.sampled_from(["TF", "IDF", "TFIDF"])),
        "min_gram_length": least,
        "max_gram_length": draw(st.integers(least, 3)),
        "max_skip_count": draw(st.integers(0, 3)),
        "ngram_counts": [0, 3, 9],
        "ngram_indexes": draw(st.sampled_from([[*range(7)], [6, 4, 5, 0, 2, 1, 3]])),
        "pool_int64s": POOL,
        **draw(st.sampled_from([{}, {"weights": [0.5, 2.0, 1.0, 3.0, 1.5, 0.25, 4.0]}])),
    }
    free = {0: "batch"} if len(shape) == 2 else {}
    return NodeExample((operator,), (Tensor(x, free),), attributes)


# Examples


def test_each_run_counts_anew() -> None:
    text = "g (int64[n] x) => (int64[m] y, int64[m] counts) { y, a, b, counts = Unique(x) }"
    for array in ([3, 1, 3, 3], [5], [2, 2]):
        raise_and_compare(graph(text), {"x": np.array(array)})


def test_a_text_of_unknown_length_is_refused() -> None:
    text = f"""g (int64[n] x) => (float[m] y) {{
        y = TfIdfVectorizer<max_gram_length=1, min_gram_length=1, max_skip_count=0, mode="TF",
            ngram_counts=[0], ngram_indexes=[0, 1], pool_int64s=[{POOL[0]}, {POOL[1]}]>(x)
    }}"""
    with pytest.raises(UnsupportedOperatorError, match="unknown length"):
        plan_of(graph(text))
