"""Nodes to draw from: those that find elements and those that pick them by their places."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from tests.helpers.node_strategies import Array, Draw, Drawn, Tensor, row, shapes, tensor, values


@row("ArgMax")
@row("ArgMin")
@st.composite
def arg_max(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 5))
    axis = draw(st.integers(0, len(shape) - 1))
    attributes: dict[str, Any] = {"axis": draw(st.sampled_from([axis, axis - len(shape)]))}
    attributes |= draw(st.sampled_from([{}, {"keepdims": 0}, {"select_last_index": 1}]))
    x = draw(tensor(shape, batch=0 if axis else None))
    return Drawn((operator,), (x,), attributes)


@row("TopK", since=10)
@st.composite
def top_k(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 4))
    axis = draw(st.integers(0, len(shape) - 1))
    count = np.array([draw(st.integers(1, shape[axis]))], np.int64)
    x = draw(tensor(shape, batch=0 if axis else None))
    attributes = {"axis": axis, "largest": draw(st.integers(0, 1))}
    return Drawn((operator,), (x, count), attributes, outputs=2, opset=17)


@row("Gather")
@st.composite
def gather(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 4))
    axis = draw(st.integers(0, len(shape) - 1))
    form = draw(st.sampled_from(["known places", "computed places", "table"]))
    rank = draw(st.integers(0, 2)) if form == "known places" else draw(st.integers(1, 2))
    least = -shape[axis] if form == "known places" else 0
    places = draw(indices((2,) * rank, least, shape[axis] - 1))
    if form == "table":
        return Drawn((operator,), (draw(values(shape)), Tensor(places)), {"axis": axis})
    x = draw(tensor(shape, batch=0 if axis else None))
    given = places if form == "known places" else Tensor(places)
    return Drawn((operator,), (x, given), {"axis": axis})


@row("GatherElements")
@st.composite
def gather_elements(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 4))
    axis = draw(st.integers(0, len(shape) - 1))
    part = tuple(draw(st.sampled_from([size, size, max(1, size - 1)])) for size in shape)
    places = draw(indices(part, -shape[axis], shape[axis] - 1))
    x = draw(values(shape))
    known = draw(st.sampled_from(["x", "places", "", ""]))
    operands = (
        x if known == "x" else Tensor(x),
        places if known == "places" else Tensor(places),
    )
    return Drawn((operator,), operands, {"axis": axis})


@row("GatherND", since=11)
@st.composite
def gather_nd(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 4))
    batched = draw(st.integers(0, min(2, len(shape) - 1)))
    depth = draw(st.integers(1, len(shape) - batched))
    lead = (*shape[:batched], *draw(st.sampled_from([(), (3,), (2, 2)])))
    columns = [
        draw(indices((*lead, 1), -size, size - 1)) for size in shape[batched : batched + depth]
    ]
    assume(lead)  # onnxruntime wants rank 2 of the indices at least, where there is no batch
    places = Tensor(np.concatenate(columns, axis=-1), {0: "batch"} if batched else {})
    x = draw(values(shape))
    given = draw(st.sampled_from([x, Tensor(x, {0: "batch"}), Tensor(x, {0: "batch"})]))
    assume(isinstance(given, Tensor) or not batched)
    return Drawn((operator,), (given, places), {"batch_dims": batched})


@row("Not")
@st.composite
def negation(draw: Draw, operator: str) -> Drawn:
    return Drawn((operator,), (Tensor(draw(values(draw(shapes(1, 4)))) > 0),))


@row("Where")
@st.composite
def where(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 4))
    operands = [draw(values(partly(draw, shape))) for _ in range(3)]
    computed = draw(st.sampled_from([(0,), (1,), (0, 1), (1, 2), (0, 1, 2)]))
    operands[computed[0]] = draw(values(shape))
    operands[0] = operands[0] > 0
    given = [Tensor(each) if i in computed else each for i, each in enumerate(operands)]
    return Drawn((operator,), tuple(given))


def partly(draw: Draw, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(draw(st.sampled_from([1, size])) for size in shape)


@st.composite
def indices(draw: Draw, shape: tuple[int, ...], least: int, most: int) -> Array:
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return generator.integers(least, most + 1, shape).astype(np.int64)
