"""Nodes to draw from: recurrent layers, which run over sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.helpers.node_strategies import Draw, Drawn, Operand, Tensor, row, sizes, values

_GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
# Without Softplus: of what grows beyond 88, onnxruntime makes infinity.
_FUNCTIONS = st.sampled_from(["Elu", "Relu", "Sigmoid", "Softsign", "Tanh"])


@row("RNN", "GRU", "LSTM")
@st.composite
def recurrent(draw: Draw, operator: str) -> Drawn:
    gates, states = _GATES[operator], 2 if operator == "LSTM" else 1
    t, n, i, h = (draw(sizes(4)) for _ in range(4))
    direction = draw(st.sampled_from(["forward", "reverse", "bidirectional"]))
    d = 2 if direction == "bidirectional" else 1
    attributes: dict[str, Any] = {"hidden_size": h, "direction": direction}
    if operator == "GRU":
        attributes |= draw(st.sampled_from([{}, {"linear_before_reset": 1}]))
    if draw(st.booleans()):
        own = [draw(_FUNCTIONS) for _ in range(d * (1 if operator == "RNN" else 2))]
        if operator == "LSTM":  # twice the same one
            own = [
                name for at in range(0, 2 * d, 2) for name in (own[at], own[at + 1], own[at + 1])
            ]
        attributes["activations"] = own
    operands: list[Operand] = [
        Tensor(draw(values((t, n, i))), {0: "height", 1: "batch"}),
        draw(values((d, gates * h, i), -1, 1)),
        draw(values((d, gates * h, h), -1, 1)),
        draw(values((d, 2 * gates * h))) if draw(st.booleans()) else None,
    ]
    operands.append(draw(_lengths(t, n)))
    if operands[-1] is not None:
        operands[0] = Tensor(operands[0].values, {1: "batch"})
    operands += [draw(_state((d, n, h))) for _ in range(states)]
    absent = draw(st.sets(st.integers(0, states), max_size=states))
    return Drawn(
        (operator,), tuple(operands), attributes, outputs=1 + states, absent=frozenset(absent)
    )


@st.composite
def _lengths(draw: Draw, t: int, n: int) -> Operand:
    form = draw(st.sampled_from(["none", "none", "all", "known", "free"]))
    if form == "none":
        return None
    lengths = np.array(draw(st.lists(st.integers(1, t), min_size=n, max_size=n)), np.int32)
    if form == "free":
        return Tensor(lengths, {0: "lot"})
    return lengths if form == "known" else np.full_like(lengths, t)


@st.composite
def _state(draw: Draw, shape: tuple[int, ...]) -> Operand:
    form = draw(st.sampled_from(["none", "zeros", "known", "free"]))
    if form == "none":
        return None
    if form == "zeros":
        return np.zeros(shape, np.float32)
    array = draw(values(shape))
    return array if form == "known" else Tensor(array, {1: "lot"})
