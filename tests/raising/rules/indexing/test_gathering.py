"""What finds elements, and what picks them by their indices."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded
from tests.helpers.strategies.nodes import (
    Array,
    Draw,
    NodeExample,
    Tensor,
    nodes_of,
    shapes,
    tensor,
    values,
)


@nodes_of("ArgMax")
@nodes_of("ArgMin")
@st.composite
def arg_max(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 5))
    axis = draw(st.integers(0, len(shape) - 1))
    attributes: dict[str, Any] = {"axis": draw(st.sampled_from([axis, axis - len(shape)]))}
    attributes |= draw(st.sampled_from([{}, {"keepdims": 0}, {"select_last_index": 1}]))
    x = draw(tensor(shape, batch=0 if axis else None))
    return NodeExample((operator,), (x,), attributes)


@nodes_of("TopK", since=10)
@st.composite
def top_k(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 4))
    axis = draw(st.integers(0, len(shape) - 1))
    count = np.array([draw(st.integers(1, shape[axis]))], np.int64)
    x = draw(tensor(shape, batch=0 if axis else None))
    attributes = {"axis": axis, "largest": draw(st.integers(0, 1))}
    return NodeExample((operator,), (x, count), attributes, outputs=2, opset=17)


@nodes_of("Gather")
@st.composite
def gather(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 4))
    axis = draw(st.integers(0, len(shape) - 1))
    form = draw(st.sampled_from(["known indices", "computed indices", "table"]))
    rank = draw(st.integers(0, 2)) if form == "known indices" else draw(st.integers(1, 2))
    least = -shape[axis] if form == "known indices" else 0
    indices = draw(random_indices((2,) * rank, least, shape[axis] - 1))
    if form == "table":
        return NodeExample((operator,), (draw(values(shape)), Tensor(indices)), {"axis": axis})
    x = draw(tensor(shape, batch=0 if axis else None))
    operand = indices if form == "known indices" else Tensor(indices)
    return NodeExample((operator,), (x, operand), {"axis": axis})


@nodes_of("GatherElements")
@st.composite
def gather_elements(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 4))
    axis = draw(st.integers(0, len(shape) - 1))
    part = tuple(draw(st.sampled_from([size, size, max(1, size - 1)])) for size in shape)
    indices = draw(random_indices(part, -shape[axis], shape[axis] - 1))
    x = draw(values(shape))
    known = draw(st.sampled_from(["x", "indices", "", ""]))
    operands = (
        x if known == "x" else Tensor(x),
        indices if known == "indices" else Tensor(indices),
    )
    return NodeExample((operator,), operands, {"axis": axis})


@nodes_of("GatherND", since=11)
@st.composite
def gather_nd(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 4))
    batched = draw(st.integers(0, min(2, len(shape) - 1)))
    depth = draw(st.integers(1, len(shape) - batched))
    lead = (*shape[:batched], *draw(st.sampled_from([(), (3,), (2, 2)])))
    columns = [
        draw(random_indices((*lead, 1), -size, size - 1))
        for size in shape[batched : batched + depth]
    ]
    assume(lead)  # without a batch onnxruntime takes indices of rank 2 and more
    known = np.concatenate(columns, axis=-1)
    computed = Tensor(known, {0: "batch"} if batched else {})
    indices = draw(st.sampled_from([computed, computed, known]))
    x = draw(values(shape))
    data = draw(st.sampled_from([x, Tensor(x, {0: "batch"}), Tensor(x, {0: "batch"})]))
    if indices is known:
        data = Tensor(x)
    assume(isinstance(data, Tensor) or not batched)
    return NodeExample((operator,), (data, indices), {"batch_dims": batched})


@st.composite
def random_indices(draw: Draw, shape: tuple[int, ...], least: int, most: int) -> Array:
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return generator.integers(least, most + 1, shape).astype(np.int64)


# Examples


def test_negative_indices_count_from_the_end() -> None:
    text = "g (float[n,4] x) => (float[n,2] y) { y = Gather<axis=1>(x, indices) }"
    model = graph(text, {"indices": np.array([-1, 0])})
    raise_and_compare(model, {"x": seeded((2, 4))})
