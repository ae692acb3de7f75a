"""Recurrent layers.

ONNX's time, batch, features is Keras's batch, time, features: a relabelling of the same tensor, so
that no data moves. Two directions are two layers, whose features are concatenated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.building.candidates import inner_layout
from bridge.raising.building.cells import Cell
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref, Size
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
) -> Candidate:
    """x: t n i   ->   t d n h, and the last state d n h           (onnx.ai/onnx/operators, RNN)

    A SimpleRNN for each direction. If `layout` is 1, n t i -> n t d h, n d h.
    """
    cell = Cell("SimpleRNN", 1, (0,), (("activation", "Tanh"),))
    directions = _directions(cell, direction, x, (w, r, b), activations)
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
    linear_before_reset: int = 0,
) -> Candidate:
    """x: t n i   ->   t d n h, and the last state d n h           (onnx.ai/onnx/operators, GRU)

    A GRU for each direction, with the gates z, r, h in the same order; ONNX's `linear_before_reset`
    is its `reset_after`. If `layout` is 1, n t i -> n t d h, n d h.
    """
    functions = (("recurrent_activation", "Sigmoid"), ("activation", "Tanh"))
    cell = Cell("GRU", 1, (0, 1, 2), functions, {"reset_after": bool(linear_before_reset)})
    directions = _directions(cell, direction, x, (w, r, b), activations)
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
    input_forget: int = 0,
) -> Candidate:
    """x: t n i   ->   t d n h, and the last states h, c: d n h    (onnx.ai/onnx/operators, LSTM)

    An LSTM for each direction; its gates i, f, c, o are i, o, f, c in ONNX. If `layout` is 1,
    n t i -> n t d h, n d h.
    """
    if p is not None or input_forget:
        raise UnsupportedError("an LSTM with peepholes, or whose input and forget gates are one")
    sigmoid, tanh = ("recurrent_activation", "Sigmoid"), ("activation", "Tanh")
    cell = Cell("LSTM", 2, (0, 2, 3, 1), (sigmoid, tanh, tanh), {"unit_forget_bias": False})
    directions = _directions(cell, direction, x, (w, r, b), activations)
    return _candidate(node, directions, x, sequence_lens, (initial_h, initial_c), layout)


@dataclass(frozen=True)
class _Direction:
    """The layer of one direction, except for the options of its outputs."""

    cell: Cell
    backwards: bool
    options: Mapping[str, Any]
    weights: Mapping[str, Weight]


def _directions(
    cell: Cell,
    direction: str,
    x: Operand,
    weights: tuple[Operand, Operand, Operand | None],
    activations: Sequence[str] | None,
) -> Sequence[_Direction]:
    w, r, b = weights
    return [
        _Direction(
            cell,
            backwards,
            {"units": r.shape[2], **cell.functions(index, activations), **cell.options}
            | ({"use_bias": False} if b is None else {})
            | ({"go_backwards": True} if backwards else {}),
            cell.weights(index, inner_layout(x, 2), w, r, b),
        )
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
        directions: Sequence[_Direction],
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
            "h": Layout.identity((directions[0].options["units"],)),
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
    directions: Sequence[_Direction],
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
        mask = None if length is None else _mask(k, length, steps)
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


def _mask(k: Recorder, lengths: Ref, steps: Size) -> Ref:
    """lengths: n   ->   n t, whether a step is part of the sequence"""
    if isinstance(steps, str):
        raise UnsupportedError("lengths of sequences of an unknown size", received=steps)
    return k.op("less", np.arange(steps), k.op("expand_dims", lengths, axis=1))


def _with_zeros(k: Recorder, states: Sequence[Ref | None]) -> Sequence[Ref]:
    """Zeros for missing states: Keras takes all states or none."""
    known = next((state for state in states if state is not None), None)
    if known is None:
        return []
    return [k.op("zeros_like", known) if state is None else state for state in states]


def _built(
    k: Recorder,
    node: Node,
    directions: Sequence[_Direction],
    x: Ref,
    initial: Sequence[Ref],
    mask: Ref | None,
) -> tuple[Ref, ...]:
    """The sequence and the last states; any tensor in place of an output that the node omits."""
    count = len(directions)
    states = [k.ops("split", state, count, axis=1, outputs=count) for state in initial if count > 1]
    states = states or [(state,) for state in initial]
    by_direction = [
        _one_direction(k, node, direction, x, [parts[index] for parts in states], mask)
        for index, direction in enumerate(directions)
    ]
    results = dict(enumerate(zip(*by_direction, strict=True)))
    # The sequence is concatenated last, and so gets the node's name.
    outputs = {
        index: _concatenated(k, results[index])
        for index in reversed(results)
        if node.has_output(index)
    }
    if mask is not None and node.has_output(0):
        factor = k.op("cast", k.op("expand_dims", mask, axis=2), dtype="float32")
        outputs[0] = k.op("multiply", outputs[0], factor)
    return tuple(outputs.get(index, x) for index in results)


def _one_direction(
    k: Recorder,
    node: Node,
    direction: _Direction,
    x: Ref,
    initial: Sequence[Ref],
    mask: Ref | None,
) -> Sequence[Ref]:
    """The sequence and the last states of one direction."""
    sequence, states = node.has_output(0), node.has_output(1) or node.has_output(2)
    # The layer's default output is that of the last step, which is the state h unless masked.
    states = states and (sequence or node.has_output(2) or mask is not None)
    options = dict(direction.options)
    options |= {"return_sequences": True} if sequence else {}
    options |= {"return_state": True} if states else {}
    further: list[Any] = [list(initial) or None, mask]
    while further and further[-1] is None:
        further.pop()
    output = k.layer(direction.cell.layer, x, direction.weights, *further, **options)
    count = 1 + direction.cell.states
    results = [Ref(output.call, item) for item in range(count)] if states else [output] * count
    if sequence and direction.backwards:
        results[0] = k.op("flip", results[0], axis=1)
    return results


def _concatenated(k: Recorder, directions: Sequence[Ref]) -> Ref:
    if len(directions) == 1:
        return directions[0]
    return k.layer("Concatenate", directions, axis=-1)
