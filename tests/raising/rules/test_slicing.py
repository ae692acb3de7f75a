"""Parts of tensors, and repeated ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from bridge.errors import UnsupportedOperatorError
from tests.helpers.keras_against_onnx import graph, plan_of, raise_and_compare, seeded
from tests.helpers.strategies.nodes import Draw, NodeExample, nodes_of, shapes, tensor


@nodes_of("Slice", since=10)
@st.composite
def slice_(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 5))
    axes = sorted(draw(st.sets(st.integers(0, len(shape) - 1), min_size=1, max_size=2)))
    keys = [draw(slices(shape[axis])) for axis in axes]
    starts, ends, steps = (np.array(bound, np.int64) for bound in zip(*keys, strict=True))
    batch_key = keys[0] if axes[0] == 0 else (0, 2**31, 1)
    keeps_batch = batch_key in ((0, 2**31, 1), (-1, -(2**40), -1))
    x = draw(tensor(shape, batch=0 if keeps_batch else None))
    signed = np.array([axis - draw(st.sampled_from([0, len(shape)])) for axis in axes], np.int64)
    return NodeExample((operator,), (x, starts, ends, signed, steps))


@st.composite
def slices(draw: Draw, size: int) -> tuple[int, int, int]:
    """Start, end and step that leave something; often enough everything, in order or reversed."""
    part = st.tuples(
        st.integers(-size - 1, size + 1),
        st.integers(-size - 2, size + 1),
        st.sampled_from([1, 1, 1, 2, -1, -2]),
    )
    whole = st.sampled_from([(0, 2**31, 1), (-1, -(2**40), -1)])
    start, end, step = draw(st.one_of(whole, part))
    assume(range(size)[slice(start, end, step)])
    return start, end, step


@nodes_of("Slice")
@st.composite
def slice_by_attributes(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(2, 4))
    axis = draw(st.integers(1, len(shape) - 1))
    start, end, step = draw(slices(shape[axis]))
    assume(step == 1)
    attributes = {"axes": [axis], "starts": [start], "ends": [min(end, 2**31)]}
    return NodeExample((operator,), (draw(tensor(shape)),), attributes, opset=9)


@nodes_of("Split")
@st.composite
def split(draw: Draw, operator: str) -> NodeExample:
    shape = list(draw(shapes(1, 5)))
    axis = draw(st.integers(0, len(shape) - 1))
    lengths = draw(st.one_of(st.lists(st.integers(1, 3), min_size=1, max_size=3), equal_lengths()))
    shape[axis] = sum(lengths)
    x = draw(tensor(tuple(shape), batch=0 if axis else None))
    attributes: dict[str, Any] = {"axis": draw(st.sampled_from([axis, axis - len(shape)]))}
    form = draw(st.sampled_from(["input", "attribute", "equal"]))
    if form == "attribute":
        options = {**attributes, "split": lengths}
        return NodeExample((operator,), (x,), options, outputs=len(lengths), opset=11)
    if form == "equal" and len(set(lengths)) == 1:
        options = {**attributes, "num_outputs": len(lengths)}
        return NodeExample((operator,), (x,), options, outputs=len(lengths), opset=18)
    sizes = np.array(lengths, np.int64)
    return NodeExample((operator,), (x, sizes), attributes, outputs=len(lengths))


def equal_lengths() -> st.SearchStrategy[list[int]]:
    return st.tuples(st.integers(1, 3), st.integers(1, 3)).map(lambda pair: [pair[0]] * pair[1])


@nodes_of("Tile", since=6)
@st.composite
def tile(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 4))
    repeats = [draw(st.sampled_from([1, 1, 2, 3])) for _ in shape]
    x = draw(tensor(shape, batch=0 if repeats[0] == 1 else None))
    return NodeExample((operator,), (x, np.array(repeats, np.int64)))


@nodes_of("Expand")
@st.composite
def expand(draw: Draw, operator: str) -> NodeExample:
    target = draw(shapes(1, 5))
    rank = draw(st.integers(1, len(target)))
    own = tuple(draw(st.sampled_from([1, size])) for size in target[len(target) - rank :])
    shape = draw(st.sampled_from([target, (1,) * (len(target) - rank) + own]))
    result = np.broadcast_shapes(own, shape)
    x = draw(tensor(own, batch=None))
    return NodeExample((operator,), (x, np.array(result, np.int64)))


# Examples


def test_a_slice_of_the_channels_moves_nothing() -> None:
    text = "g (float[n,4,3,3] x) => (float[n,2,3,3] y) { y = Slice(x, starts, ends, axes) }"
    bounds = {"starts": np.array([1]), "ends": np.array([3]), "axes": np.array([1])}
    raised = raise_and_compare(graph(text, bounds), {"x": seeded((2, 4, 3, 3))})
    assert raised.plan.permutations == ()
    assert raised.model.output_shape == (None, 3, 3, 2)


@pytest.mark.parametrize(
    ("starts", "ends"), [(0, 3), (1, -1), (-2, 9), (-9, 2), (2, 1), (3, 2**40), (-(2**40), -1)]
)
def test_slices_from_and_to_computed_positions(starts: int, ends: int) -> None:
    text = """g (float[n,w] x, int64[1] start, int64[1] end)
        => (float[n,a] y, float[n,b] z, float[n,c] v)
        <int64[1] axis = {1}, int64[1] two = {2}, int64[1] first = {1}, int64[1] last = {-1}> {
            y = Slice(x, start, end, axis)
            z = Slice(x, first, end, axis, two)
            v = Slice(x, start, last, axis)
        }"""
    feeds = {"start": np.array([starts]), "end": np.array([ends])}
    for n, w in ((1, 5), (2, 3)):
        raise_and_compare(graph(text), {"x": seeded((n, w)), **feeds})


def test_a_table_is_cut_to_a_free_size() -> None:
    text = """g (float[n,s,2] x) => (float[n,s,2] y) <float[1,9,2] table, int64[1] zero = {0},
        int64[1] axis = {1}> { size = Shape<start=1, end=2>(x)
        part = Slice(table, zero, size, axis)  y = Add(x, part) }"""
    raised = raise_and_compare(graph(text, {"table": seeded((1, 9, 2))}), {"x": seeded((3, 4, 2))})
    assert raised.plan.values["y"].layout.logical_shape == ("n", "s", 2)


def test_a_backward_slice_between_computed_positions_is_refused() -> None:
    text = """g (float[n,w] x, int64[1] end) => (float[n,a] y)
        <int64[1] axis = {1}, int64[1] last = {-1}, int64[1] step = {-1}> {
            y = Slice(x, last, end, axis, step)
        }"""
    with pytest.raises(UnsupportedOperatorError, match="backward slice between computed"):
        plan_of(graph(text))
