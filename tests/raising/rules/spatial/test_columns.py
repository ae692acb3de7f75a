"""Blocks of columns put back into a map."""

from __future__ import annotations

from math import prod

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from tests.helpers.strategies.nodes import MAX_ELEMENTS, Draw, NodeExample, nodes_of, tensor
from tests.helpers.strategies.windows import windows


@nodes_of("Col2Im", since=18)
@st.composite
def col2im(draw: Draw, operator: str) -> NodeExample:
    window = draw(windows(draw(st.integers(2, 3)), dilated=True, pooling=False))
    attributes = {k: v for k, v in window.attributes.items() if k != "kernel_shape"}
    assume("auto_pad" not in attributes)
    rank = len(window.sizes)
    dilations = attributes.get("dilations", (1,) * rank)
    pads = attributes.get("pads", (0,) * (2 * rank))
    blocks = [
        (size + pads[i] + pads[rank + i] - (window.kernel[i] - 1) * dilations[i] - 1)
        // attributes["strides"][i]
        + 1
        for i, size in enumerate(window.sizes)
    ]
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 3)) * prod(window.kernel), prod(blocks))
    assume(prod(shape) <= MAX_ELEMENTS)
    sizes = (np.array(window.sizes, np.int64), np.array(window.kernel, np.int64))
    return NodeExample((operator,), (draw(tensor(shape)), *sizes), attributes, opset=18)
