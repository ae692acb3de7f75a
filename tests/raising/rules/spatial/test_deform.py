"""Deformable convolutions."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded
from tests.helpers.strategies.nodes import Draw, NodeExample, Operand, nodes_of, tensor, values


@nodes_of("DeformConv", since=19)
@st.composite
def deform_conv(draw: Draw, operator: str) -> NodeExample:
    group, offset_group = draw(st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2)]))
    kernel = [draw(st.integers(1, 3)) for _ in range(2)]
    strides = [draw(st.integers(1, 2)) for _ in range(2)]
    dilations = [draw(st.integers(1, 2)) for _ in range(2)]
    pads = [draw(st.integers(0, 1)) for _ in range(4)]
    extents = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    sizes = [extent + draw(st.integers(0, 3)) for extent in extents]
    targets = [
        (size + pads[i] + pads[2 + i] - extents[i]) // strides[i] + 1
        for i, size in enumerate(sizes)
    ]
    n, elements = draw(st.integers(1, 2)), kernel[0] * kernel[1] * offset_group
    w = draw(values((4, 4 // group, *kernel)))
    operands: list[Operand] = [
        draw(tensor((n, 4, *sizes))),
        w,
        draw(tensor((n, elements * 2, *targets))),
        draw(st.sampled_from([None, np.float32([1, 2, 3, 4])])),
    ]
    if draw(st.booleans()):
        operands.append(draw(tensor((n, elements, *targets))))
    attributes = {
        "group": group,
        "offset_group": offset_group,
        "strides": strides,
        "dilations": dilations,
        "pads": pads,
    }
    return NodeExample((operator,), tuple(operands), attributes, opset=19)


# Examples


def test_a_mask_without_a_bias() -> None:
    text = """g (float[n,2,4,4] x, float[n,8,3,3] offset, float[n,4,3,3] mask) => (y) {
        y = DeformConv(x, w, offset, , mask)
    }"""
    feeds = {
        "x": seeded((2, 2, 4, 4)),
        "offset": seeded((2, 8, 3, 3), 1),
        "mask": seeded((2, 4, 3, 3), 2),
    }
    raise_and_compare(graph(text, {"w": seeded((3, 2, 2, 2), 3)}, opset=19), feeds)
