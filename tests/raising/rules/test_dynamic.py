"""Results whose size depends on the data, and what gives sizes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded
from tests.helpers.strategies.nodes import (
    Draw,
    NodeExample,
    Tensor,
    nodes_of,
    shapes,
    tensor,
    values,
)


@nodes_of("Compress", since=9)
@st.composite
def compress(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 4))
    axis = draw(st.one_of(st.none(), st.integers(0, len(shape) - 1)))
    size = np.prod(shape) if axis is None else shape[axis]
    selected = draw(st.lists(st.booleans(), min_size=1, max_size=int(size)).filter(any))
    condition = np.array(selected)
    attributes = {} if axis is None else {"axis": draw(st.sampled_from([axis, axis - len(shape)]))}
    x = draw(tensor(shape, batch=0 if axis else None))
    form = draw(st.sampled_from(["both", "known condition", "known x"]))
    return NodeExample(
        (operator,),
        (
            x.values if form == "known x" else x,
            condition if form == "known condition" else Tensor(condition),
        ),
        attributes,
    )


@nodes_of("NonZero")
@st.composite
def non_zero(draw: Draw, operator: str) -> NodeExample:
    array = np.maximum(draw(values(draw(shapes(1, 4)))), 0)
    array.flat[0] = 1
    return NodeExample((operator,), (Tensor(array, {0: "batch"}),))


@nodes_of("Shape")
@st.composite
def shape(draw: Draw, operator: str) -> NodeExample:
    lengths = draw(shapes(1, 5))
    attributes = draw(st.sampled_from([{}, {"start": -1}, {"end": len(lengths) - 1 or 1}]))
    return NodeExample((operator,), (draw(tensor(lengths)),), attributes)


@nodes_of("CumSum", since=11)
@st.composite
def cum_sum(draw: Draw, operator: str) -> NodeExample:
    lengths = draw(shapes(1, 4))
    axis = draw(st.integers(-len(lengths), len(lengths) - 1))
    attributes = {name: draw(st.integers(0, 1)) for name in ("exclusive", "reverse")}
    return NodeExample((operator,), (draw(tensor(lengths)), np.array(axis, np.int64)), attributes)


@nodes_of("CumProd", since=26)
@st.composite
def cum_prod(draw: Draw, operator: str) -> NodeExample:
    return replace(draw(cum_sum("CumSum")), operators=(operator,), opset=26)


# Examples


def test_the_shape_of_a_tensor_is_in_the_order_of_onnx() -> None:
    text = "g (float[n,2,3,4] x) => (int64[4] y) { r = Relu(x)  y = Shape(r) }"
    raised = raise_and_compare(graph(text), {"x": seeded((5, 2, 3, 4))})
    assert raised.plan.permutations == ()
