"""Shapes of the recurrent layers."""

from __future__ import annotations

from math import prod

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import LayerShapes, fields_of, parameters, require, shape, text


def _recurrent(layer: Layer, hidden: int, bottoms: tuple[Shape, ...]) -> tuple[Shape, list[int]]:
    """The shape of the output sequence, and the lengths of the vectors that W_x and W_static take.

    `hidden` is the number of states of the layer. Source: src/caffe/layers/recurrent_layer.cpp.
    """
    p = parameters(layer, "recurrent_param")
    require(p.num_output > 0, layer, "num_output must be positive", "> 0", p.num_output)
    states = hidden if p.expose_hidden else 0
    counts = (len(bottoms) - states, len(layer.tops) - states)
    fits = counts in ((2, 1), (3, 1))
    require(
        fits,
        layer,
        "its bottoms and tops do not match",
        f"2 or 3, and 1, and {states} states",
        f"{len(bottoms)} bottoms, {len(layer.tops)} tops",
    )
    x, cont, *rest = bottoms
    require(len(x) >= 2, layer, "its input needs 2 axes or more", "t n ...", text(x))
    require(cont == x[:2], layer, "cont does not fit the input", text(x[:2]), text(cont))
    static, initial_states = rest[: counts[0] - 2], rest[counts[0] - 2 :]
    for other in static:
        require(other[:1] == x[1:2], layer, "the static input does not fit", x[1], text(other))
    state = (1, x[1], p.num_output)
    for other in initial_states:
        require(other == state, layer, "a state does not fit", text(state), text(other))
    return (*x[:2], p.num_output), [prod(x[2:]), *(prod(other[1:]) for other in static)]


@shape("LSTM", bottoms=(2, 5), tops=(1, 3))
def lstm(layer: Layer, *bottoms: Shape) -> LayerShapes:
    """x: t n ..., cont: t n, (static: n ..., states: 1 n d, 1 n d)  ->  t n d, (1 n d, 1 n d).

    Blobs: W_x 4d i, b 4d, (W_static 4d s), W_h 4d d. Source: src/caffe/layers/lstm_layer.cpp.
    """
    top, (size, *static) = _recurrent(layer, 2, bottoms)
    d = top[-1]
    weights = ((4 * d, size), (4 * d,), *((4 * d, s) for s in static), (4 * d, d))
    return LayerShapes(_tops(layer, top), weights)


@shape("Lstm", bottoms=(1, 2))
def forks_lstm(layer: Layer, x: Shape, cont: Shape | None = None) -> LayerShapes:
    """x: t n i  ->  t n d; or x: (t n) ..., n the batch_size  ->  (t n) d. cont: t n numbers.

    Blobs: W_x 4d i, W_h 4d d, b 4d. Source: lstm_layer.cpp of CTPN's fork, which takes three axes
    and no batch_size, and of caffe-lstm, which takes the steps of all streams on one axis.
    """
    p = parameters(layer, "lstm_param")
    d = p.num_output
    require(d > 0, layer, "num_output must be positive", "> 0", d)
    require(len(x) >= 2, layer, "its input needs 2 axes or more", "t n i", text(x))
    if len(x) == 3:
        one = "batch_size" not in fields_of(layer, "lstm_param")
        require(one, layer, "batch_size with an input t n i is ambiguous", "one of them")
        axes, size = 2, x[2]
    else:
        fits = p.batch_size > 0 and x[0] % p.batch_size == 0
        require(fits, layer, "its input does not fit batch_size", p.batch_size, text(x))
        axes, size = 1, prod(x[1:])
    if cont is not None:
        steps = prod(x[:axes])
        require(prod(cont) == steps, layer, "cont does not fit the input", steps, text(cont))
    return LayerShapes(((*x[:axes], d),), ((4 * d, size), (4 * d, d), (4 * d,)))


@shape("RNN", bottoms=(2, 4), tops=(1, 2))
def rnn(layer: Layer, *bottoms: Shape) -> LayerShapes:
    """x: t n ..., cont: t n, (static: n ..., state: 1 n d)  ->  t n d, (1 n d).

    Blobs: W_x d i, b d, (W_static d s), W_hh d d, W_ho d d, b_o d. Source: rnn_layer.cpp.
    """
    top, (size, *static) = _recurrent(layer, 1, bottoms)
    d = top[-1]
    weights = ((d, size), (d,), *((d, s) for s in static), (d, d), (d, d), (d,))
    return LayerShapes(_tops(layer, top), weights)


def _tops(layer: Layer, top: Shape) -> tuple[Shape, ...]:
    states = len(layer.tops) - 1
    return (top, *((1, *top[1:]) for _ in range(states)))
