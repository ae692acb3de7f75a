"""Recurrent layers.

ONNX's time, batch, features is Keras's batch, time, features: a relabelling of the same tensor, so
that no data moves. Two directions are two layers, whose features are concatenated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.building.activations import Activation, activations_of
from bridge.raising.building.candidates import inner_layout
from bridge.raising.building.cells import Cell
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import arange_like
from bridge.raising.plan import Ref, Size
from bridge.raising.rules.sequence.directions import (
    Direction,
    LayerDirection,
    UnrolledLSTM,
    peephole_weights,
)
from bridge.raising.table import Candidate, Node, Operand, lookup, raises

_BACKWARDS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}


@raises("RNN")
def rnn(
    node: Node,
    x: Operand,
    w: Operand,
    r: Operand,
    b: Operand | None = None,
    sequence_lens: Operand | None = None,
    initial_h: Operand | None = None,
    *,
    hidden_size: int | None = None,
    direction: str = "forward",
    layout: int = 0,
    activations: Sequence[str] | None = None,
    activation_alpha: Sequence[float] = (),
    activation_beta: Sequence[float] = (),
    clip: float | None = None,
) -> Candidate:
    """x: t n i   ->   t d n h, and the last state d n h           (onnx.ai/onnx/operators, RNN)

    A SimpleRNN for each direction. If `layout` is 1, n t i -> n t d h, n d h. An activation that
    Keras has no name for, or whose argument is clipped, is a small model.
    """
    cell = Cell("SimpleRNN", 1, (0,), (("activation", "Tanh"),))
    functions = _Functions(activations, activation_alpha, activation_beta, clip)
    directions = _directions(cell, direction, x, (w, r, b), functions)
    return _candidate(node, directions, x, sequence_lens, (initial_h,), layout)


@raises("GRU")
def gru(
    node: Node,
    x: Operand,
    w: Operand,
    r: Operand,
    b: Operand | None = None,
    sequence_lens: Operand | None = None,
    initial_h: Operand | None = None,
    *,
    hidden_size: int | None = None,
    direction: str = "forward",
    layout: int = 0,
    activations: Sequence[str] | None = None,
    activation_alpha: Sequence[float] = (),
    activation_beta: Sequence[float] = (),
    clip: float | None = None,
    linear_before_reset: int = 0,
) -> Candidate:
    """x: t n i   ->   t d n h, and the last state d n h           (onnx.ai/onnx/operators, GRU)

    A GRU for each direction, with the gates z, r, h in the same order; ONNX's `linear_before_reset`
    is its `reset_after`. If `layout` is 1, n t i -> n t d h, n d h.
    """
    defaults = (("recurrent_activation", "Sigmoid"), ("activation", "Tanh"))
    cell = Cell("GRU", 1, (0, 1, 2), defaults, {"reset_after": bool(linear_before_reset)})
    functions = _Functions(activations, activation_alpha, activation_beta, clip)
    directions = _directions(cell, direction, x, (w, r, b), functions)
    return _candidate(node, directions, x, sequence_lens, (initial_h,), layout)


@raises("LSTM")
def lstm(
    node: Node,
    x: Operand,
    w: Operand,
    r: Operand,
    b: Operand | None = None,
    sequence_lens: Operand | None = None,
    initial_h: Operand | None = None,
    initial_c: Operand | None = None,
    p: Operand | None = None,
    *,
    hidden_size: int | None = None,
    direction: str = "forward",
    layout: int = 0,
    activations: Sequence[str] | None = None,
    activation_alpha: Sequence[float] = (),
    activation_beta: Sequence[float] = (),
    clip: float | None = None,
    input_forget: int = 0,
) -> Candidate:
    """x: t n i   ->   t d n h, and the last states h, c: d n h    (onnx.ai/onnx/operators, LSTM)

    An LSTM for each direction; its gates i, f, c, o are i, o, f, c in ONNX. If `layout` is 1,
    n t i -> n t d h, n d h. With peepholes, a clip, or other activations for the cell and for the
    output than one, it is unrolled over its time steps.
    """
    functions = _Functions(activations, activation_alpha, activation_beta, clip)
    peepholes = None if p is None or _all_are(p, 0) else p
    weights, steps = (w, r, b), x.shape[1 if layout else 0]
    directions: list[Direction] = []
    for index, backwards in enumerate(lookup(_BACKWARDS, direction, "direction")):
        own_functions = functions.of(index, _LSTM)
        cell = None if peepholes else _lstm_layer(own_functions, bool(input_forget))
        if cell is not None:
            directions.append(_layer_direction(cell, index, backwards, x, weights, own_functions))
            continue
        own = _UNROLLED.weights(index, inner_layout(x, 2), *weights)
        seen = None if peepholes is None else peephole_weights(peepholes, index)
        unrolled = UnrolledLSTM(
            backwards, int(r.shape[2]), steps, own_functions, own, seen, bool(input_forget)
        )
        directions.append(unrolled)
    return _candidate(node, directions, x, sequence_lens, (initial_h, initial_c), layout)


@dataclass(frozen=True)
class _Functions:
    """The activations of an operator, as its attributes have them."""

    names: Sequence[str] | None
    alphas: Sequence[float]
    betas: Sequence[float]
    clip: float | None

    def of(self, direction: int, cell: Cell) -> Sequence[Activation]:
        """Those of one direction. The argument of the third of an LSTM is not clipped: it is the
        state, and no sum of products."""
        defaults = [default for _, default in cell.activations]
        count, names = len(defaults), list(self.names or defaults * (direction + 1))
        end = (direction + 1) * count
        if self.clip is not None and self.clip <= 0:
            raise UnsupportedError("a clip that leaves nothing", received=self.clip)
        if len(names) < end:
            raise UnsupportedError(
                "too few activations", expected=f"{count} for each direction", received=names
            )
        clips = [self.clip, self.clip, None][:count] * (direction + 1)
        activations = activations_of(names[:end], self.alphas, self.betas, clips)
        return activations[-count:]


_SIGMOID, _TANH = ("recurrent_activation", "Sigmoid"), ("activation", "Tanh")
_LSTM = Cell("LSTM", 2, (0, 2, 3, 1), (_SIGMOID, _TANH, _TANH), {"unit_forget_bias": False})
# Where the forget gate is 1 minus the input gate, it is the input gate of the negative sum.
_COUPLED = replace(_LSTM, gates=(0, 0, 3, 1), negated=frozenset((1,)))
_UNROLLED = replace(_LSTM, gates=(0, 1, 2, 3))


def _lstm_layer(activations: Sequence[Activation], input_forget: bool) -> Cell | None:
    """The Keras layer for an LSTM without peepholes; None if there is none."""
    if _LSTM.functions(activations) is None:
        return None
    if not input_forget:
        return _LSTM
    return _COUPLED if activations[0].is_complementary else None


def _layer_direction(
    cell: Cell,
    index: int,
    backwards: bool,
    x: Operand,
    weights: tuple[Operand, Operand, Operand | None],
    activations: Sequence[Activation],
) -> LayerDirection:
    w, r, b = weights
    options: dict[str, Any] = {"units": r.shape[2], **cell.options}
    options |= {"use_bias": False} if b is None else {}
    options |= {"go_backwards": True} if backwards else {}
    functions = cell.functions(activations) or {}
    own = cell.weights(index, inner_layout(x, 2), w, r, b)
    return LayerDirection(cell, backwards, int(r.shape[2]), options, functions, own)


def _directions(
    cell: Cell,
    direction: str,
    x: Operand,
    weights: tuple[Operand, Operand, Operand | None],
    functions: _Functions,
) -> Sequence[LayerDirection]:
    return [
        _layer_direction(cell, index, backwards, x, weights, functions.of(index, cell))
        for index, backwards in enumerate(lookup(_BACKWARDS, direction, "direction"))
    ]


@dataclass(frozen=True)
class _Storage:
    """The layouts of all tensors: sequences n t i and n t (d h), states n (d h), with one layout
    of n for all."""

    batch: Layout
    parts: Mapping[str, Layout]

    @classmethod
    def of(
        cls,
        x: Operand,
        axes: str,
        directions: Sequence[Direction],
        others: Sequence[tuple[Operand | None, str]],
    ) -> _Storage:
        """For x with these axes; `others` are the other operands, and theirs."""
        batch = inner_layout(x, axes.index("n"))
        sizes = {operand.shape[own.index("n")] for operand, own in others if operand is not None}
        if sizes - {*batch.logical_shape}:
            batch = Layout.identity(batch.logical_shape)
        parts = {
            "t": Layout.identity((x.shape[axes.index("t")],)),
            "d": Layout.identity((len(directions),)),
            "h": Layout.identity((directions[0].units,)),
            "i": inner_layout(x, 2),
        }
        return cls(batch, parts)

    def layout(self, axes: str, of: Operand | None = None) -> Layout:
        """The layout of a tensor with these logical axes."""
        batch = self.batch
        if of is not None and batch.is_identity:
            # The graph may have another name for the batch size here.
            batch = Layout.identity((of.shape[axes.index("n")],))
        parts = {"n": batch, **self.parts}
        order = [axes.index(axis) for axis in "ntdhi" if axis in axes]
        layout = Layout.product([parts[axis] for axis in axes], order)
        if "d" not in axes:
            return layout
        *outer, directions, units = layout.stored
        return Layout(layout.axes, (*outer, directions + units))


def _candidate(
    node: Node,
    directions: Sequence[Direction],
    x: Operand,
    lengths: Operand | None,
    states: Sequence[Operand | None],
    layout: int,
) -> Candidate:
    """The layers of all directions; `states` are the initial ones."""
    sequence, result, state = ("nti", "ntdh", "ndh") if layout else ("tni", "tdnh", "dnh")
    steps = x.shape[sequence.index("t")]
    if lengths is not None and _all_are(lengths, steps):
        lengths = None
    # Keras starts with zeros by default.
    states = [None if value is None or _all_are(value, 0) else value for value in states]
    others = [(lengths, "n"), *((value, state) for value in states)]
    storage = _Storage.of(x, sequence, directions, others)

    def build(k: Recorder, x: Ref, *refs: Ref) -> tuple[Ref, ...]:
        tensors = iter(refs)

        def tensor(operand: Operand, axes: str) -> Ref:
            if operand.is_constant:
                return k.constant(operand.weight(storage.layout(axes, operand)))
            return next(tensors)

        length, *initial = [
            None if operand is None else tensor(operand, axes) for operand, axes in others
        ]
        mask = None if length is None else _mask(k, x, length, steps)
        return _built(k, node, directions, x, _with_zeros(k, initial), mask)

    input_layouts = [
        None if operand is None or operand.is_constant else storage.layout(axes, operand)
        for operand, axes in others
    ]
    return Candidate(
        (storage.layout(sequence), None, None, None, *input_layouts),
        (storage.layout(result), *[storage.layout(state)] * len(states)),
        build,
        backward=lambda _: None,  # a layout of the output says nothing about that of x
    )


def _all_are(operand: Operand, value: Size) -> bool:
    return operand.is_constant and bool((operand.array() == value).all())


def _mask(k: Recorder, x: Ref, lengths: Ref, steps: Size) -> Ref:
    """lengths: n   ->   n t, whether a step is part of the sequence"""
    indices: Any
    if isinstance(steps, int):
        indices = np.arange(steps)
    else:
        indices = arange_like(k, k.op("max", x, axis=2), 1)
    return k.op("less", indices, k.op("expand_dims", lengths, axis=1))


def _with_zeros(k: Recorder, states: Sequence[Ref | None]) -> Sequence[Ref]:
    """Zeros for missing states: Keras takes all states or none."""
    known = next((state for state in states if state is not None), None)
    if known is None:
        return []
    return [k.op("zeros_like", known) if state is None else state for state in states]


def _built(
    k: Recorder,
    node: Node,
    directions: Sequence[Direction],
    x: Ref,
    initial: Sequence[Ref],
    mask: Ref | None,
) -> tuple[Ref, ...]:
    """The sequence and the last states; any tensor in place of an output that the node omits."""
    count = len(directions)
    states = [k.ops("split", state, count, axis=1, outputs=count) for state in initial if count > 1]
    states = states or [(state,) for state in initial]
    by_direction = [
        direction.results(k, node, x, [parts[index] for parts in states], mask)
        for index, direction in enumerate(directions)
    ]
    results = dict(enumerate(zip(*by_direction, strict=True)))
    # The sequence is concatenated last, and so gets the node's name.
    outputs = {
        index: _concatenated(k, results[index])
        for index in reversed(results)
        if node.has_output(index)
    }
    if mask is not None:
        # A sequence without steps ends with zeros, whatever it begins with.
        masked = outputs.keys() if initial else outputs.keys() & {0}
        outputs |= {index: _masked(k, outputs[index], mask, index == 0) for index in sorted(masked)}
    return tuple(outputs.get(index, x) for index in results)


def _masked(k: Recorder, output: Ref, mask: Ref, is_sequence: bool) -> Ref:
    """Zeros where there are no steps: n t h by n t, n h by whether a sequence has any"""
    if is_sequence:
        valid = k.op("expand_dims", mask, axis=2)
    else:
        valid = k.op("get_item", mask, (slice(None), slice(0, 1)))
    return k.op("multiply", output, k.op("cast", valid, dtype="float32"))


def _concatenated(k: Recorder, directions: Sequence[Ref]) -> Ref:
    if len(directions) == 1:
        return directions[0]
    return k.layer("Concatenate", directions, axis=-1)
