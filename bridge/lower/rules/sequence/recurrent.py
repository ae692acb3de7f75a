"""Recurrent layers.

ONNX's own LSTM and RNN cannot reset their state in the middle, which `cont` may require at any
step of any stream. So they are used if `cont` is a constant that never does; if it is data, the
steps are unrolled, as in Caffe. Either way the graph is valid for one sequence length.

Formulas: recurrent_layer.cpp, lstm_layer.cpp, lstm_unit_layer.cpp, rnn_layer.cpp; lstm_layer.cpp
of caffe-lstm and of CTPN's fork; https://onnx.ai/onnx/operators/onnx__LSTM.html,
onnx__RNN.html
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from bridge.caffe.net import Layer
from bridge.errors import UnsupportedLayerError
from bridge.lower.emitter import Emitter
from bridge.lower.table import layer
from bridge.lower.values import Value

MOST_UNROLLED = 5_000
"""Time steps: each becomes about a dozen nodes."""


@layer("LSTM", params="recurrent_param", fixed_batch=True)
def lstm(
    e: Emitter,
    layer: Layer,
    x: Value,
    cont: Value,
    *others: Value,
    num_output: int,
    expose_hidden: bool = False,
) -> tuple[Value, ...]:
    """x: t n *s, cont: t n, [static: n k], [h₀, c₀: 1 n h] → h: t n h, [h, c: 1 n h at the end]

    i, f, o, g = W_x x + b + W_s static + W_h (cont h)    then i, f, o = sigmoid, g = tanh
    c = cont f c + i g    h = o tanh c
    Blobs: W_x 4h s, b 4h, [W_s 4h k], W_h 4h h.
    """
    static, state = _split_bottoms(others, 2 if expose_hidden else 0)
    recurrent_index = len(layer.blobs) - 1
    if not expose_hidden:
        _warn_of_kept_state(e, cont, x.fixed(0))
    if _never_resets(e, cont, x.fixed(0)):
        begin = _initial_states(e, cont, state)
        y, *ends = _whole_sequence(e, "LSTM", x, static, begin, recurrent_index, num_output)
    else:
        fed, continues = _step_inputs(e, layer, x, cont, static, 4 * num_output)
        recurrent = _transposed(e, recurrent_index, (4 * num_output, num_output), "recurrent")
        y, *ends = _step_by_step(e, fed, continues, recurrent, state)
    return (y, *ends) if expose_hidden else (y,)


@layer("Lstm", params="lstm_param", fixed_batch=True)
def forks_lstm(
    e: Emitter,
    layer: Layer,
    x: Value,
    cont: Value | None = None,
    *,
    num_output: int,
    batch_size: int = 1,
    clipping_threshold: float = 0.0,
) -> Value:
    """x: t n i → t n h, or x: (t n) *s → (t n) h with n the `batch_size`; [cont: t n in any shape]

    Like LSTM, without a static input. Without `cont` all streams begin at the first step.
    Blobs: W_x 4h i, W_h 4h h, b 4h.
    """
    streams = x.fixed(1) if x.rank == 3 else batch_size
    steps = x.fixed(0) if x.rank == 3 else x.fixed(0) // streams
    if cont is not None:
        _warn_of_kept_state(e, cont, steps)
    x = e.reshape(x, (steps, streams, prod(x.fixed(i) for i in range(x.rank)) // steps // streams))
    if cont is None or _never_resets(e, cont, steps):
        y, *_ = _whole_sequence(e, "LSTM", x, None, (), 1, num_output, bias=2)
    else:
        fed, continues = _step_inputs(e, layer, x, cont, None, 4 * num_output, bias=2)
        recurrent = _transposed(e, 1, (4 * num_output, num_output), "recurrent")
        y, *_ = _step_by_step(e, fed, continues, recurrent, ())
    return e.reshape(y, e.tops[0])


def _step_by_step(
    e: Emitter,
    fed: Sequence[Value],
    continues: Sequence[Value],
    recurrent: Value,
    state: Sequence[Value],
) -> Sequence[Value]:
    """From the inputs of each step of an LSTM: h of all steps, t n h, and h and c of the last."""
    hidden = recurrent.fixed(0)
    h, c = state or (None, None)
    results = []
    for step, on in zip(fed, continues, strict=True):
        gates = step
        if h is not None:
            gates = e.Add(gates, e.MatMul(e.Mul(h, on), recurrent))
        parts = e.op("Split", gates, [3 * hidden, hidden], outputs=2, axis=2)
        i, f, o = e.op("Split", e.Sigmoid(parts[0]), [hidden] * 3, outputs=3, axis=2)
        added = e.Mul(i, e.Tanh(parts[1]))
        c = added if c is None else e.Add(e.Mul(e.Mul(f, on), c), added)
        h = e.Mul(o, e.Tanh(c))
        results.append(h)
    return (_concatenated(e, results), *(value for value in (h, c) if value is not None))


def _never_resets(e: Emitter, cont: Value, steps: int) -> bool:
    """Whether all streams begin at the first step (or before) and none is reset later."""
    known = e.known(cont)
    return known is not None and bool((known.reshape(steps, -1)[1:] == 1).all())


def _warn_of_kept_state(e: Emitter, cont: Value, steps: int) -> None:
    """Caffe keeps the last state for the next pass, unless `cont` of its first step is 0
    (recurrent_layer.cpp); a graph cannot."""
    known = e.known(cont)
    if known is None or known.reshape(steps, -1)[0].any():
        e.warn(
            f"each run begins with a state of zeros; Caffe continues from its last run in streams "
            f"whose first '{cont.name}' is not 0"
        )


def _initial_states(e: Emitter, cont: Value, state: Sequence[Value]) -> Sequence[Value]:
    """The initial states after a constant `cont` is applied; none if it resets all of them."""
    known = e.known(cont)
    continues = np.ones(1) if known is None else known[0]
    if not continues.any() or continues.all():
        return state if continues.all() else ()
    return [e.Mul(value, continues.reshape(1, -1, 1).astype(np.float32)) for value in state]


# For each gate of ONNX, the index of Caffe's: i, o, f, g in i, f, o, g.
_GATES = {"LSTM": (0, 2, 1, 3), "RNN": (0,)}


def _whole_sequence(
    e: Emitter,
    operator: str,
    x: Value,
    static: Value | None,
    begin: Sequence[Value],
    recurrent: int,
    hidden: int,
    *,
    bias: int = 1,
) -> Sequence[Value]:
    """x: t n *s, static: n k, begin: 1 n h → t n h, and the last states 1 n h

    The static input is repeated at each step. `recurrent` and `bias` are indices of blobs.
    """
    gates = _GATES[operator]
    rows = len(gates) * hidden
    steps, streams = x.fixed(0), x.fixed(1)
    features = prod(x.fixed(axis) for axis in range(2, x.rank))
    fed, weights = e.reshape(x, (steps, streams, features)), [e.blob(0, (rows, features))]
    if static is not None:
        width = static.fixed(1)
        one_step = e.reshape(static, (1, streams, width))
        fed = e.Concat(fed, e.Expand(one_step, [steps, streams, width]), axis=2)
        weights.append(e.blob(2, (rows, width)))

    def reordered(*parts: Any) -> Any:
        columns = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        columns = columns.reshape(len(gates), hidden, -1)
        return columns if len(gates) == 1 else np.take(columns, list(gates), axis=0)

    def with_no_second(bias: Any) -> Any:
        return np.concatenate([reordered(bias).reshape(-1), np.zeros(rows, np.float32)])

    y, *ends = e.op(
        operator,
        fed,
        e.computed((1, rows, fed.fixed(2)), reordered, "weight", *weights),
        e.computed((1, rows, hidden), reordered, "recurrent", e.blob(recurrent, (rows, hidden))),
        e.computed((1, 2 * rows), with_no_second, "bias", e.blob(bias, (rows,))),
        None,
        *begin,
        outputs=3 if operator == "LSTM" else 2,
        hidden_size=hidden,
    )
    return (e.Squeeze(y, [1]), *ends)


@layer("RNN", params="recurrent_param", fixed_batch=True)
def rnn(
    e: Emitter,
    layer: Layer,
    x: Value,
    cont: Value,
    *others: Value,
    num_output: int,
    expose_hidden: bool = False,
) -> tuple[Value, ...]:
    """x: t n *s, cont: t n, [static: n k], [h₀: 1 n h] → o: t n h, [h: 1 n h at the end]

    h = tanh(W_x x + b + W_s static + W_h (cont h))    o = tanh(W_o h + b_o)
    Blobs: W_x h s, b h, [W_s h k], W_h h h, W_o h h, b_o h.
    """
    static, state = _split_bottoms(others, 1 if expose_hidden else 0)
    recurrent_index, square = len(layer.blobs) - 3, (num_output, num_output)
    if not expose_hidden:
        _warn_of_kept_state(e, cont, x.fixed(0))
    if _never_resets(e, cont, x.fixed(0)):
        begin = _initial_states(e, cont, state)
        states, end = _whole_sequence(e, "RNN", x, static, begin, recurrent_index, num_output)
    else:
        steps, continues = _step_inputs(e, layer, x, cont, static, num_output)
        recurrent = _transposed(e, recurrent_index, square, "recurrent")
        results = list(state)
        for step, on in zip(steps, continues, strict=True):
            if results:
                step = e.Add(step, e.MatMul(e.Mul(results[-1], on), recurrent))
            results.append(e.Tanh(step))
        states, end = _concatenated(e, results[len(state) :]), results[-1]
    output = _transposed(e, recurrent_index + 1, square, "output")
    bias = e.weight(e.blob(recurrent_index + 2, (num_output,)), "output_bias")
    y = e.Tanh(e.Add(e.MatMul(states, output), bias))
    return (y, end) if expose_hidden else (y,)


def _split_bottoms(others: Sequence[Value], states: int) -> tuple[Value | None, Sequence[Value]]:
    """The static input, if there is one, and the initial states, which come last."""
    state = others[len(others) - states :]
    return (others[0] if len(others) > states else None), state


def _step_inputs(
    e: Emitter,
    layer: Layer,
    x: Value,
    cont: Value,
    static: Value | None,
    gates: int,
    *,
    bias: int = 1,
) -> tuple[Sequence[Value], Sequence[Value]]:
    """The input of each step, 1 n gates, and whether its streams continue, 1 n 1.

    The inputs of all steps are multiplied at once: W_x x + b, plus W_s static if there is one.
    """
    steps, streams = x.fixed(0), x.fixed(1)
    if steps > MOST_UNROLLED:
        raise UnsupportedLayerError(
            "its state may be reset at any time step, and too many would have to be unrolled",
            where=layer,
            expected=f"at most {MOST_UNROLLED:,}, or a ContinuationIndicator that never resets it",
            received=f"{steps:,}",
            hint="fewer time steps in the net's input: --input-shape",
        )
    features = prod(x.fixed(axis) for axis in range(2, x.rank))
    flat = e.reshape(x, (steps, streams, features))
    fed = e.Add(
        e.MatMul(flat, _transposed(e, 0, (gates, features), "weight")),
        e.weight(e.blob(bias, (gates,)), "bias"),
    )
    if static is not None:
        width = static.fixed(1)
        added = e.MatMul(static, _transposed(e, 2, (gates, width), "static_weight"))
        fed = e.Add(fed, e.reshape(added, (1, streams, gates)))
    continues = e.reshape(cont, (steps, streams, 1))
    return _by_step(e, fed), _by_step(e, continues)


def _by_step(e: Emitter, x: Value) -> Sequence[Value]:
    steps = x.fixed(0)
    return [x] if steps == 1 else e.op("Split", x, [1] * steps, outputs=steps, axis=0)


def _concatenated(e: Emitter, steps: Sequence[Value]) -> Value:
    return steps[0] if len(steps) == 1 else e.Concat(*steps, axis=0)


def _transposed(e: Emitter, index: int, shape: tuple[int, int], role: str) -> Value:
    """A weight blob as the right factor of a MatMul, transposed when it is written."""
    return e.computed(shape[::-1], lambda w: w.T, role, e.blob(index, shape))
