"""Caffe's solver as an optimizer of Keras, for what Keras's own do not compute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import keras
from keras import ops

from bridge.training.solving.rules import RULES, Settings

Tensor = Any


@keras.saving.register_keras_serializable(package="bridge")
class CaffeOptimizer(keras.optimizers.Optimizer):
    """One of Caffe's RULES, with its coupled decay and its factors for each variable.

    A gradient is the sum of `passes` passes. All together are first clipped to the norm
    `global_clipnorm`, then each is divided by `passes`, and the derivative of the `decay` of
    `regularization` (L1 or L2) is added. `rates` and `decays` are factors by the variables' paths,
    1 for those that are not in them.
    (Source: SGDSolver::ApplyUpdate in src/caffe/solvers/sgd_solver.cpp)
    """

    def __init__(
        self,
        rule: str,
        learning_rate: Any,
        settings: Mapping[str, float],
        *,
        decay: float = 0.0,
        regularization: str = "L2",
        passes: int = 1,
        rates: Mapping[str, float] | None = None,
        decays: Mapping[str, float] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rule, self.settings = rule, Settings(**settings)
        self.decay, self.regularization, self.passes = decay, regularization, passes
        self.rates, self.decays = dict(rates or {}), dict(decays or {})

    def build(self, variables: Sequence[keras.Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        names = RULES[self.rule].memory
        self.memory = [
            [self.add_variable_from_reference(v, name=name) for v in variables] for name in names
        ]
        self.paths = [variable.path for variable in variables]

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        index = self._get_variable_index(variable)
        path = self.paths[index]
        gradient = ops.cast(gradient, variable.dtype)
        if self.passes > 1:
            gradient = gradient / self.passes
        decay = self.decay * self.decays.get(path, 1.0)
        if decay:
            gradient = gradient + decay_gradient(variable, decay, self.regularization)
        rate = ops.cast(learning_rate, variable.dtype) * self.rates.get(path, 1.0)
        number = ops.cast(self.iterations + 1, variable.dtype)
        slots = [slot[index] for slot in self.memory]
        step, memory = RULES[self.rule].step(self.settings, gradient, rate, number, slots)
        for slot, value in zip(slots, memory, strict=True):
            self.assign(slot, value)
        self.assign_sub(variable, step)

    def get_config(self) -> dict[str, Any]:
        own = {
            "rule": self.rule,
            "settings": asdict(self.settings),
            "decay": self.decay,
            "regularization": self.regularization,
            "passes": self.passes,
            "rates": self.rates,
            "decays": self.decays,
        }
        return {**super().get_config(), **own}


def decay_gradient(variable: Any, factor: float, regularization: str) -> Tensor:
    """The derivative of the decay: factor · w for L2, factor · sign w for L1."""
    value = ops.convert_to_tensor(variable)
    return factor * (value if regularization == "L2" else ops.sign(value))
