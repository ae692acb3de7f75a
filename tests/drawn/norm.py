"""Nodes to draw from: normalisations."""

from __future__ import annotations

from math import prod
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from tests.helpers.node_strategies import Draw, Drawn, row, shapes, tensor, values, vector


@row("InstanceNormalization")
@st.composite
def instance_normalization(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(3, 5))
    assume(prod(shape[2:]) > 1)
    vectors = [draw(vector(shape[1])) for _ in range(2)]
    return Drawn((operator,), (draw(tensor(shape)), *vectors), {"epsilon": 0.01})


@row("LayerNormalization")
@st.composite
def layer_normalization(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(2, 5))
    axis = draw(st.integers(1, len(shape) - 1))
    assume(prod(shape[axis:]) > 1)
    weights = [draw(values(shape[axis:])) for _ in range(draw(st.integers(1, 2)))]
    attributes = {"axis": draw(st.sampled_from([axis, axis - len(shape)])), "epsilon": 0.01}
    return Drawn((operator,), (draw(tensor(shape)), *weights), attributes)


@row("LpNormalization")
@st.composite
def lp_normalization(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 4))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    attributes: dict[str, Any] = {"axis": axis, **draw(st.sampled_from([{}, {"p": 1}]))}
    return Drawn((operator,), (draw(tensor(shape)),), attributes)


@row("MeanVarianceNormalization")
@st.composite
def mean_variance_normalization(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(4, 4))
    axes = draw(st.sampled_from([[2, 3], [1, 2, 3], [0, 2, 3]]))
    assume(prod(shape[axis] for axis in axes) > 1)
    return Drawn((operator,), (draw(tensor(shape)),), {"axes": axes})
