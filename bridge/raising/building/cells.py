"""How Keras's recurrent layers correspond to ONNX's recurrent operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.building.activations import Activation
from bridge.raising.table import Operand
from bridge.types import Array


@dataclass(frozen=True)
class Cell:
    """The Keras layer that an operator becomes.

    `states` is the number of its states. `gates` gives for each gate of Keras its index in ONNX,
    `negated` those whose weights change their sign. `activations` are Keras's options in ONNX's
    order, each with the default of both.
    """

    layer: str
    states: int
    gates: tuple[int, ...]
    activations: tuple[tuple[str, str], ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    negated: frozenset[int] = frozenset()

    def weights(
        self, direction: int, features: Layout, w: Operand, r: Operand, b: Operand | None
    ) -> dict[str, Weight]:
        """w: d (g h) i, r: d (g h) h, b: d (2 g h)   ->   kernel i (g h), recurrent h (g h), bias

        The weights of one direction. The rows of the kernel are in the layout of the features.
        """
        weights = {
            "kernel": self._matrix(direction, w.weight(), features),
            "recurrent": self._matrix(direction, r.weight(), Layout.identity(r.shape[2:])),
        }
        return weights if b is None else {**weights, "bias": self._bias(direction, b.weight())}

    def _matrix(self, direction: int, source: Weight, columns: Layout) -> Weight:
        _, *shape = source.shape
        if columns.logical_shape != (shape[1],):
            raise UnsupportedError("features of unknown size", received=columns.logical_shape)

        def read(values: Array) -> Array:
            gates = values[direction : direction + 1].reshape(len(self.gates), -1, shape[1])
            return self._reordered(gates, 0).reshape(shape)

        layout = Layout.product([Layout.identity(shape[:1]), columns], (1, 0))
        return Weight.derived((shape[0], shape[1]), read, source).with_layout(layout)

    def _bias(self, direction: int, source: Weight) -> Weight:
        """ONNX has a bias for the input and one for the state: their sum, (g h), is enough.

        2 (g h) for a GRU that applies the reset gate after the product.
        """
        rows = source.shape[1] // 2
        both = bool(self.options.get("reset_after"))
        shape = (2, rows) if both else (rows,)

        def read(values: Array) -> Array:
            parts = values[direction : direction + 1].reshape(2, len(self.gates), -1)
            gates = self._reordered(parts, 1)
            return (gates if both else np.sum(gates, axis=0)).reshape(shape)

        return Weight.derived(shape, read, source)

    def _reordered(self, values: Array, axis: int) -> Array:
        if self.gates != tuple(range(len(self.gates))):
            values = np.take(values, list(self.gates), axis=axis)
        if not self.negated:
            return values
        signs = [-1 if gate in self.negated else 1 for gate in range(len(self.gates))]
        shape = [1] * values.ndim
        shape[axis] = -1
        return values * np.asarray(signs, np.float32).reshape(shape)

    def functions(self, activations: Sequence[Activation]) -> Mapping[str, Activation] | None:
        """The activations of one direction as Keras's options, except those that are its defaults;
        None for two that differ where Keras has one option."""
        options = [option for option, _ in self.activations]
        chosen = dict(zip(options, activations, strict=True))
        if [chosen[option] for option in options] != list(activations):
            return None
        defaults = {(option, Activation(name)) for option, name in self.activations}
        return {option: own for option, own in chosen.items() if (option, own) not in defaults}
