"""What ONNX's recurrent operators and Keras's recurrent layers call differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.table import Operand

# Those that have no parameters, or are the same with the defaults of both.
_ACTIVATIONS = {
    "Elu": "elu",
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Tanh": "tanh",
}


@dataclass(frozen=True)
class Cell:
    """A recurrent layer of Keras, as which an operator is built.

    `states` is how many it has, and `gates` says for each gate of Keras which one of ONNX it is.
    `activations` are Keras's options in ONNX's order, each with what both have by default.
    """

    layer: str
    states: int
    gates: tuple[int, ...]
    activations: tuple[tuple[str, str], ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    def weights(
        self, direction: int, features: Layout, w: Operand, r: Operand, b: Operand | None
    ) -> dict[str, Weight]:
        """w: d (g h) i, r: d (g h) h, b: d (2 g h)   ->   kernel i (g h), recurrent h (g h), bias

        Those of one direction. The kernel's rows are in the order in which the features are stored.
        """
        found = {
            "kernel": self._matrix(direction, w.weight(), features),
            "recurrent": self._matrix(direction, r.weight(), Layout.identity(r.shape[2:])),
        }
        return found if b is None else {**found, "bias": self._bias(direction, b.weight())}

    def _matrix(self, direction: int, given: Weight, columns: Layout) -> Weight:
        _, *shape = given.shape

        def read(values: NDArray[Any]) -> NDArray[Any]:
            gates = values[direction : direction + 1].reshape(len(self.gates), -1, shape[1])
            return self._reordered(gates, 0).reshape(shape)

        layout = Layout.product([Layout.identity(shape[:1]), columns], (1, 0))
        return Weight(read, (shape[0], shape[1]), layout, (given,))

    def _bias(self, direction: int, given: Weight) -> Weight:
        """ONNX has one for the input and one for the state: (g h), their sum, where that will do.

        2 (g h) for a GRU that resets what is multiplied already.
        """
        rows = given.shape[1] // 2
        both = bool(self.options.get("reset_after"))
        shape = (2, rows) if both else (rows,)

        def read(values: NDArray[Any]) -> NDArray[Any]:
            parts = values[direction : direction + 1].reshape(2, len(self.gates), -1)
            gates = self._reordered(parts, 1)
            return (gates if both else np.sum(gates, axis=0)).reshape(shape)

        return Weight(read, shape, Layout.identity(shape), (given,))

    def _reordered(self, values: NDArray[Any], axis: int) -> NDArray[Any]:
        if self.gates == tuple(range(len(self.gates))):
            return values
        return np.take(values, list(self.gates), axis=axis)

    def functions(self, direction: int, given: Sequence[str] | None) -> dict[str, str]:
        """The activations of one direction, as far as they are not Keras's own.

        Raises UnsupportedError for one that Keras has not, and for two where it has one.
        """
        count = len(self.activations)
        own = [default for _, default in self.activations]
        names = (given or ())[direction * count : (direction + 1) * count] or own
        if not _ACTIVATIONS.keys() >= set(names):
            raise UnsupportedError(
                "Keras has no such activation",
                expected=", ".join(_ACTIVATIONS),
                received=", ".join(names),
            )
        options = [option for option, _ in self.activations]
        found = dict(zip(options, names, strict=True))
        if [found[option] for option in options] != list(names):
            raise UnsupportedError(
                "Keras has one activation for what is added and for what is given out",
                received=", ".join(names),
            )
        defaults = dict(self.activations)
        return {
            option: _ACTIVATIONS[name] for option, name in found.items() if name != defaults[option]
        }
