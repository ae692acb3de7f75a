"""Recurrent layers.

ONNX's own LSTM cannot begin anew in the middle, which `cont` may ask for at any step of any
stream. So it is taken where `cont` is a constant that asks for no such thing; where it is data,
each step is spelled out, as Caffe unrolls them. Either way the graph holds for one length.

Formulas: recurrent_layer.cpp, lstm_layer.cpp, lstm_unit_layer.cpp, rnn_layer.cpp; lstm_layer.cpp
of caffe-lstm and of the fork of CTPN
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from bridge.caffe.net import Layer
from bridge.lower.emitter import Emitter, Value
from bridge.lower.table import layer


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

    i, f, o, g = W_x x + b + W_s static + W_h (cont h)    the first three through a sigmoid, g tanh
    c = cont f c + i g    h = o tanh c
    Blobs: W_x 4h s, b 4h, [W_s 4h k], W_h 4h h.
    """
    if not others and _goes_straight_on(e, cont):
        return (_whole_sequence(e, x, num_output),)
    static, state = _split_bottoms(others, 2 if expose_hidden else 0)
    fed, goes_on = _fed(e, x, cont, static, 4 * num_output)
    recurrent = _turned(e, len(layer.blobs) - 1, (4 * num_output, num_output), "recurrent")
    y, ends = _step_by_step(e, fed, goes_on, recurrent, state)
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

    As LSTM, without a static input. Without `cont` all streams begin with the first step.
    Blobs: W_x 4h i, W_h 4h h, b 4h.
    """
    streams = x.fixed(1) if x.rank == 3 else batch_size
    steps = x.fixed(0) if x.rank == 3 else x.fixed(0) // streams
    x = e.reshape(x, (steps, streams, prod(x.fixed(i) for i in range(x.rank)) // steps // streams))
    order = {"recurrent": 1, "bias": 2}
    if cont is None or _goes_straight_on(e, e.reshape(cont, (steps, streams))):
        y = _whole_sequence(e, x, num_output, **order)
    else:
        fed, goes_on = _fed(e, x, cont, None, 4 * num_output, bias=order["bias"])
        recurrent = _turned(e, 1, (4 * num_output, num_output), "recurrent")
        y, _ = _step_by_step(e, fed, goes_on, recurrent, ())
    return e.reshape(y, e.tops[0])


def _step_by_step(
    e: Emitter,
    fed: Sequence[Value],
    goes_on: Sequence[Value],
    recurrent: Value,
    state: Sequence[Value],
) -> tuple[Value, Sequence[Value]]:
    """Of what each step of an LSTM is fed with: h of all steps, t n h, and h and c of the last."""
    hidden = recurrent.fixed(0)
    h, c = state or (None, None)
    results = []
    for step, on in zip(fed, goes_on, strict=True):
        gates = step
        if h is not None:
            gates = e.Add(gates, e.MatMul(e.Mul(h, on), recurrent))
        parts = e.op("Split", gates, [3 * hidden, hidden], outputs=2, axis=2)
        i, f, o = e.op("Split", e.Sigmoid(parts[0]), [hidden] * 3, outputs=3, axis=2)
        added = e.Mul(i, e.Tanh(parts[1]))
        c = added if c is None else e.Add(e.Mul(e.Mul(f, on), c), added)
        h = e.Mul(o, e.Tanh(c))
        results.append(h)
    return _joined(e, results), [value for value in (h, c) if value is not None]


def _goes_straight_on(e: Emitter, cont: Value) -> bool:
    """Whether all streams begin with the first step (or before it) and none anew."""
    known = e.known(cont)
    return known is not None and bool((known[1:] == 1).all())


def _whole_sequence(
    e: Emitter, x: Value, hidden: int, *, bias: int = 1, recurrent: int = 2
) -> Value:
    """x: t n *s → t n h, by https://onnx.ai/onnx/operators/onnx__LSTM.html, gates i, o, f, g"""
    steps, streams = x.fixed(0), x.fixed(1)
    features = prod(x.fixed(axis) for axis in range(2, x.rank))

    def reordered(gates: Any) -> Any:
        return np.take(gates.reshape(4, hidden, -1), [0, 2, 1, 3], axis=0)

    def with_no_second(bias: Any) -> Any:
        return np.concatenate([reordered(bias).reshape(-1), np.zeros(4 * hidden, np.float32)])

    weight, onward = (e.blob(i, (4 * hidden, n)) for i, n in ((0, features), (recurrent, hidden)))
    y, _, _ = e.op(
        "LSTM",
        e.reshape(x, (steps, streams, features)),
        e.computed((1, *weight.shape), reordered, "weight", weight),
        e.computed((1, *onward.shape), reordered, "recurrent", onward),
        e.computed((1, 8 * hidden), with_no_second, "bias", e.blob(bias, (4 * hidden,))),
        outputs=3,
        hidden_size=hidden,
    )
    return e.Squeeze(y, [1])


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
    steps, goes_on = _fed(e, x, cont, static, num_output)
    square = (num_output, num_output)
    recurrent = _turned(e, len(layer.blobs) - 3, square, "recurrent")
    output = _turned(e, len(layer.blobs) - 2, square, "output")
    bias = e.weight(e.blob(len(layer.blobs) - 1, (num_output,)), "output_bias")
    h = state[0] if state else None
    results = []
    for step, on in zip(steps, goes_on, strict=True):
        inner = step
        if h is not None:
            inner = e.Add(inner, e.MatMul(e.Mul(h, on), recurrent))
        h = e.Tanh(inner)
        results.append(e.Tanh(e.Add(e.MatMul(h, output), bias)))
    ends = (h,) if expose_hidden and h is not None else ()
    return (_joined(e, results), *ends)


def _split_bottoms(others: Sequence[Value], states: int) -> tuple[Value | None, Sequence[Value]]:
    """The static input, if there is one, and the initial states, which come last."""
    state = others[len(others) - states :]
    return (others[0] if len(others) > states else None), state


def _fed(
    e: Emitter, x: Value, cont: Value, static: Value | None, gates: int, *, bias: int = 1
) -> tuple[Sequence[Value], Sequence[Value]]:
    """What each step is fed with, 1 n gates, and whether its streams go on, 1 n 1.

    The inputs of all steps are multiplied at once: W_x x + b, and + W_s static where there is one.
    """
    steps, streams = x.fixed(0), x.fixed(1)
    features = prod(x.fixed(axis) for axis in range(2, x.rank))
    flat = e.reshape(x, (steps, streams, features))
    fed = e.Add(
        e.MatMul(flat, _turned(e, 0, (gates, features), "weight")),
        e.weight(e.blob(bias, (gates,)), "bias"),
    )
    if static is not None:
        width = static.fixed(1)
        added = e.MatMul(static, _turned(e, 2, (gates, width), "static_weight"))
        fed = e.Add(fed, e.reshape(added, (1, streams, gates)))
    goes_on = e.reshape(cont, (steps, streams, 1))
    return _by_step(e, fed), _by_step(e, goes_on)


def _by_step(e: Emitter, x: Value) -> Sequence[Value]:
    steps = x.fixed(0)
    return [x] if steps == 1 else e.op("Split", x, [1] * steps, outputs=steps, axis=0)


def _joined(e: Emitter, steps: Sequence[Value]) -> Value:
    return steps[0] if len(steps) == 1 else e.Concat(*steps, axis=0)


def _turned(e: Emitter, index: int, shape: tuple[int, int], role: str) -> Value:
    """A weight blob as the right factor of a MatMul, turned when it is written."""
    return e.computed(shape[::-1], lambda w: w.T, role, e.blob(index, shape))
