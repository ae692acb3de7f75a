"""Unique elements, and counting those of a list: results whose sizes, or values, are counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.table import Candidate, Node, Operand, raises


@raises("Unique")
def unique(node: Node, x: Operand, *, axis: int | None = None, sorted: int = 1) -> Candidate:
    """The elements, or the parts along an axis, that differ; where each is first, which one each
    element is, and how often each occurs

    (onnx.ai/onnx/operators, Unique)
    """
    if axis is not None:
        axis %= x.rank

    def build(k: Recorder, x: Ref) -> tuple[Ref, ...]:
        x = k.op("reshape", x, newshape=(-1,)) if axis is None else x
        options = {"return_index": True, "return_inverse": True, "return_counts": True}
        y, first, which, counts = k.ops("unique", x, axis=axis or 0, **options, outputs=4)
        if not sorted:
            order = k.op("argsort", first)
            y = k.op("take", y, order, axis=axis or 0)
            first, counts = (k.op("take", values, order) for values in (first, counts))
            which = k.op("take", k.op("argsort", order), which)
        return y, *(k.op("cast", values, dtype="int64") for values in (first, which, counts))

    outputs = tuple(Layout.identity(shape) for shape in node.shapes)
    return Candidate((Layout.identity(x.shape),), outputs, build)


@raises("TfIdfVectorizer")
def tf_idf(
    node: Node,
    x: Operand,
    *,
    max_gram_length: int,
    max_skip_count: int,
    min_gram_length: int,
    mode: str,
    ngram_counts: Sequence[int],
    ngram_indexes: Sequence[int],
    pool_int64s: Sequence[int] = (),
    weights: Sequence[float] = (),
) -> Candidate:
    """How often each of a list of n-grams occurs, also with gaps, times its weight: *n c -> *n m

    (onnx.ai/onnx/operators, TfIdfVectorizer)
    """
    length = x.shape[-1]
    if not isinstance(length, int):
        raise UnsupportedError("n-grams of a text of unknown length", received=x.shape)
    columns = np.asarray(ngram_indexes)
    used = [
        (grams, columns[start : start + len(grams)], span)
        for start, grams in _grams(ngram_counts, pool_int64s)
        if min_gram_length <= grams.shape[1] <= max_gram_length
        for span in range(1, 2 + (max_skip_count if grams.shape[1] > 1 else 0))
        if (grams.shape[1] - 1) * span < length
    ]
    if not used:
        raise UnsupportedError("n-grams that are longer than the text", received=length)
    sums = np.eye(int(columns.max()) + 1, dtype=np.float32)[np.concatenate([u[1] for u in used])]
    factors = _factors(columns, weights) if weights and mode != "TF" else None

    def build(k: Recorder, x: Ref) -> Ref:
        x = k.op("cast", x, dtype="int64")
        counts = [_occurrences(k, x, grams, span, length) for grams, _, span in used]
        y = k.op("matmul", k.op("concatenate", counts, axis=-1), sums)
        y = k.op("cast", k.op("greater", y, 0.0), dtype="float32") if mode == "IDF" else y
        return y if factors is None else k.op("multiply", y, factors)

    return Candidate((Layout.identity(x.shape),), (Layout.identity(node.shape),), build)


def _factors(columns: NDArray[np.int64], weights: Sequence[float]) -> NDArray[np.float32]:
    """The weight of each column, from those of the n-grams that are counted in it."""
    if len({*columns.tolist()}) < len(columns):
        raise UnsupportedError("n-grams of several weights that are counted as one")
    factors = np.zeros(int(columns.max()) + 1, np.float32)
    factors[columns] = weights
    return factors


def _grams(counts: Sequence[int], pool: Sequence[int]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """The n-grams of each n, as rows, and how many come before them."""
    before = 0
    for n, (start, stop) in enumerate(zip(counts, [*counts[1:], len(pool)], strict=True), start=1):
        grams = np.asarray(pool[start:stop], np.int64).reshape(-1, n)
        if len(grams):
            yield before, grams
        before += len(grams)


def _occurrences(k: Recorder, x: Ref, grams: NDArray[np.int64], span: int, length: int) -> Ref:
    """How often each n-gram occurs with its items `span` apart: *n c -> *n m."""
    n = grams.shape[1]
    windows = length - (n - 1) * span
    items = [k.op("get_item", x, (Ellipsis, slice(i * span, i * span + windows))) for i in range(n)]
    texts = k.op("expand_dims", k.op("stack", items, axis=-1), axis=-2)
    matches = k.op("all", k.op("equal", texts, grams), axis=-1)
    return k.op("sum", k.op("cast", matches, dtype="float32"), axis=-2)
