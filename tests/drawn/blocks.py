"""Nodes to draw from: blocks of maps as channels, and back."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.helpers.node_strategies import Draw, Drawn, row, tensor


@row("SpaceToDepth", "DepthToSpace")
@st.composite
def blocks(draw: Draw, operator: str) -> Drawn:
    n, c, h, w, size = (draw(st.integers(1, 3)) for _ in range(5))
    attributes: dict[str, Any] = {"blocksize": size}
    if operator == "SpaceToDepth":
        shape = (n, c, h * size, w * size)
    else:
        shape = (n, c * size * size, h, w)
        attributes |= draw(st.sampled_from([{}, {"mode": "DCR"}, {"mode": "CRD"}]))
    return Drawn((operator,), (draw(tensor(shape)),), attributes)
