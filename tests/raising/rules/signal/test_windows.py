"""Windows and filters for signals."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from tests.helpers.keras_against_onnx import graph, raise_and_compare
from tests.helpers.strategies.nodes import Draw, NodeExample, Tensor, nodes_of


@nodes_of("BlackmanWindow", "HannWindow", "HammingWindow")
@st.composite
def window(draw: Draw, operator: str) -> NodeExample:
    size, attributes = draw(st.integers(2, 12)), {"periodic": draw(st.integers(0, 1))}
    size_input = Tensor(np.array(size, np.int64))
    return NodeExample((operator,), (size_input,), attributes, opset=20, shape=(size,))


@nodes_of("MelWeightMatrix")
@st.composite
def mel_weight_matrix(draw: Draw, operator: str) -> NodeExample:
    length, bins = draw(st.sampled_from([16, 64, 63, 128])), draw(st.integers(1, 12))
    low, high = draw(st.sampled_from([(0, 3000), (125, 3500), (20, 2000)]))
    constants = (np.int64(length), np.int64(8000), np.float32(low), np.float32(high))
    operands = (Tensor(np.array(bins, np.int64)), *map(np.asarray, constants))
    return NodeExample((operator,), operands, {}, opset=20, shape=(length // 2 + 1, bins))


# Examples


def test_a_window_of_unknown_size() -> None:
    """It is what ONNX says the operator is made of."""
    text = "g (int64 n) => (float[size] y) { y = HannWindow(n) }"
    raise_and_compare(graph(text), {"n": np.array(8)})
