"""One direction of a recurrent operator: a layer of Keras's, or an LSTM that is none, unrolled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bridge.errors import UnsupportedError
from bridge.layout import Weight
from bridge.raising.building.activations import Activation
from bridge.raising.building.cells import Cell
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref, Size
from bridge.raising.table import Node, Operand
from bridge.types import Array


class Direction(Protocol):
    @property
    def units(self) -> int: ...

    def results(
        self, k: Recorder, node: Node, x: Ref, initial: Sequence[Ref], mask: Ref | None
    ) -> Sequence[Ref]:
        """The sequence and the last states; anything for those that the node omits.

        x: n t i, initial states: n h, mask: n t   ->   n t h, and n h for each state
        """


@dataclass(frozen=True)
class LayerDirection:
    """The layer of one direction, except for the options of its outputs."""

    cell: Cell
    backwards: bool
    units: int
    options: Mapping[str, Any]
    activations: Mapping[str, Activation]
    weights: Mapping[str, Weight]

    def results(
        self, k: Recorder, node: Node, x: Ref, initial: Sequence[Ref], mask: Ref | None
    ) -> Sequence[Ref]:
        sequence, states = node.has_output(0), node.has_output(1) or node.has_output(2)
        # The layer's default output is that of the last step: the state h unless masked.
        states = states and (sequence or node.has_output(2) or mask is not None)
        options = dict(self.options)
        options |= {name: own.option(k, self.units) for name, own in self.activations.items()}
        options |= {"return_sequences": True} if sequence else {}
        options |= {"return_state": True} if states else {}
        further: list[Any] = [list(initial) or None, mask]
        while further and further[-1] is None:
            further.pop()
        output = k.layer(self.cell.layer, x, self.weights, *further, **options)
        count = 1 + self.cell.states
        results = [Ref(output.call, item) for item in range(count)] if states else [output] * count
        if sequence and self.backwards:
            results[0] = k.op("flip", results[0], axis=1)
        return results


MOST_UNROLLED = 1_000
"""The time steps that are written one by one: each becomes about twenty operations."""


@dataclass(frozen=True)
class UnrolledLSTM:
    """An LSTM that Keras has no layer for: a Dense layer for the input, and one for the state, the
    same at all time steps.

    `activations` are ONNX's f, g and h, the gates i, o, f, c as in ONNX. `peepholes`, for i, o and
    f, weigh what each gate sees of the cell. `input_forget` says that f is 1 - i.
    """

    backwards: bool
    units: int
    steps: Size
    activations: Sequence[Activation]
    weights: Mapping[str, Weight]
    peepholes: Sequence[Weight] | None
    input_forget: bool

    def results(
        self, k: Recorder, node: Node, x: Ref, initial: Sequence[Ref], mask: Ref | None
    ) -> Sequence[Ref]:
        steps = self.steps
        if not isinstance(steps, int):
            raise UnsupportedError(
                "an LSTM that Keras has no layer for, over time steps of unknown size",
                expected="no peepholes, no clip, one activation of the cell and of the output",
                received=steps,
                hint="fix the number of time steps: it is unrolled then",
            )
        if steps > MOST_UNROLLED:
            raise UnsupportedError(
                "an LSTM that Keras has no layer for, over too many time steps to be unrolled",
                expected=f"at most {MOST_UNROLLED:,}",
                received=f"{steps:,}",
            )
        weights = dict(self.weights)
        step = _Step(self, k, weights.pop("recurrent"))
        gates = k.layer("Dense", x, weights, units=4 * self.units, use_bias="bias" in weights)
        by_step = k.ops("unstack", gates, steps, axis=1, outputs=steps)
        zeros = k.op("zeros_like", k.op("get_item", by_step[0], (slice(None), slice(self.units))))
        h, c = initial or (zeros, zeros)
        sequence: dict[int, Ref] = {}
        for index in reversed(range(steps)) if self.backwards else range(steps):
            valid = None
            if mask is not None:
                valid = k.op("get_item", mask, (slice(None), slice(index, index + 1)))
            h, c = step.states(by_step[index], h, c, valid)
            sequence[index] = h
        in_order = [sequence[index] for index in range(steps)]
        return k.op("stack", in_order, axis=1) if node.has_output(0) else h, h, c


class _Step:
    """Records the time steps of an unrolled LSTM, whose layers are made at the first."""

    def __init__(self, lstm: UnrolledLSTM, k: Recorder, recurrent: Weight) -> None:
        self._lstm, self._k, self._recurrent = lstm, k, recurrent
        self._layers: dict[str, Ref] = {}

    def states(self, gates: Ref, h: Ref, c: Ref, valid: Ref | None) -> tuple[Ref, Ref]:
        """gates: n (g h), from the input alone; h and c: n h, valid: n 1   ->   the next h and c"""
        k, (f, g, of_cell) = self._k, self._lstm.activations
        options = {"units": 4 * self._lstm.units, "use_bias": False}
        recurrent = self._layer("recurrent", "Dense", h, self._recurrent, **options)
        i_, o_, f_, c_ = k.ops("split", k.op("add", gates, recurrent), 4, axis=1, outputs=4)
        enter = f.applied(k, self._seeing(i_, c, 0))
        if self._lstm.input_forget:
            keep = k.op("subtract", 1.0, enter)
        else:
            keep = f.applied(k, self._seeing(f_, c, 2))
        written = k.op("multiply", enter, g.applied(k, c_))
        cell = k.op("add", k.op("multiply", keep, c), written)
        leave = f.applied(k, self._seeing(o_, cell, 1))
        output = k.op("multiply", leave, of_cell.applied(k, cell))
        if valid is None:
            return output, cell
        return k.op("where", valid, output, h), k.op("where", valid, cell, c)

    def _seeing(self, gate: Ref, cell: Ref, peephole: int) -> Ref:
        if self._lstm.peepholes is None:
            return gate
        weight, shape = self._lstm.peepholes[peephole], (self._lstm.units,)
        options = {"equation": "nh,h->nh", "output_shape": shape}
        seen = self._layer(f"peephole.{peephole}", "EinsumDense", cell, weight, **options)
        return self._k.op("add", gate, seen)

    def _layer(self, role: str, kind: str, x: Ref, kernel: Weight, **options: Any) -> Ref:
        if role in self._layers:
            return self._k.again(self._layers[role], x)
        self._layers[role] = self._k.layer(kind, x, {"kernel": kernel}, **options)
        return self._layers[role]


def peephole_weights(p: Operand, direction: int) -> Sequence[Weight]:
    """p: d (3 h)   ->   those of one direction for i, o and f: h each"""
    source = p.weight()
    units = source.shape[1] // 3

    def part(index: int) -> Weight:
        def read(values: Array) -> Array:
            return values[direction : direction + 1, index * units : (index + 1) * units]

        return Weight.derived((units,), read, source)

    return [part(index) for index in range(3)]
