"""Nodes to draw from: those that look between the places of a map."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.helpers.node_strategies import Draw, Drawn, Tensor, image, row, shapes, sizes, values


@row("GridSample", since=16)
@st.composite
def grid_sample(draw: Draw, operator: str) -> Drawn:
    x = draw(image(draw(shapes(4, 4))))
    shape = (x.values.shape[0], draw(sizes(4)), draw(sizes(6)), 2)
    grid = Tensor(draw(values(shape)), {0: "batch"})
    attributes = {
        "align_corners": draw(st.integers(0, 1)),
        "mode": draw(st.sampled_from(["bilinear", "nearest"])),
        "padding_mode": draw(st.sampled_from(["zeros", "border"])),
    }
    return Drawn((operator,), (x, grid), attributes)
