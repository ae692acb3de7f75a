"""Reversed sequences."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from tests.helpers.strategies.nodes import Draw, NodeExample, Tensor, nodes_of, shapes, values


@nodes_of("ReverseSequence", since=10)
@st.composite
def reverse_sequence(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(2, 4))
    batch = draw(st.integers(0, 1))
    count, steps = shape[batch], shape[1 - batch]
    lengths = np.array(
        draw(st.lists(st.integers(1, steps), min_size=count, max_size=count)), np.int64
    )
    form = draw(st.sampled_from([lengths, Tensor(lengths)]))
    attributes = {"batch_axis": batch, "time_axis": 1 - batch}
    return NodeExample((operator,), (Tensor(draw(values(shape))), form), attributes)
