"""Caffe's solver as an optimizer of Keras, for what Keras's own do not compute."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from bridge.training.solving.rules import Rule, Settings

Tensor = Any


class CaffeOptimizer(keras.optimizers.Optimizer):
    """One of Caffe's rules, with its coupled decay and its factors for each variable.

    The gradients of all variables together are first clipped to the norm `global_clipnorm`, then
    the derivative of the `decay` of `regularization` (L1 or L2) is added to each. `rates` and
    `decays` are factors by regular expressions of the variables' paths, 1 for the others.
    (Source: SGDSolver::ApplyUpdate in src/caffe/solvers/sgd_solver.cpp)
    """

    def __init__(
        self,
        rule: Rule,
        learning_rate: Any,
        settings: Settings,
        *,
        decay: float = 0.0,
        regularization: str = "L2",
        rates: Mapping[str, float] | None = None,
        decays: Mapping[str, float] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rule, self.settings = rule, settings
        self.decay, self.regularization = decay, regularization
        self.rates, self.decays = dict(rates or {}), dict(decays or {})

    def build(self, variables: Sequence[keras.Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self.memory = [
            [self.add_variable_from_reference(v, name=name) for v in variables]
            for name in self.rule.memory
        ]
        self.factors = [
            (factor_of(v.path, self.rates), factor_of(v.path, self.decays)) for v in variables
        ]

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        index = self._get_variable_index(variable)
        own_rate, own_decay = self.factors[index]
        gradient = ops.cast(gradient, variable.dtype)
        if decay := self.decay * own_decay:
            gradient = gradient + decay_gradient(variable, decay, self.regularization)
        rate = ops.cast(learning_rate, variable.dtype) * own_rate
        number = ops.cast(self.iterations + 1, variable.dtype)
        slots = [slot[index] for slot in self.memory]
        step, memory = self.rule.step(self.settings, gradient, rate, number, slots)
        for slot, value in zip(slots, memory, strict=True):
            self.assign(slot, value)
        self.assign_sub(variable, step)


def factor_of(path: str, factors: Mapping[str, float]) -> float:
    """The factor of the first expression that a path fits; 1 if there is none."""
    return next((own for pattern, own in factors.items() if re.fullmatch(pattern, path)), 1.0)


def decay_gradient(variable: Any, factor: float, regularization: str) -> Tensor:
    """The derivative of the decay: factor · w for L2, factor · sign w for L1."""
    value = ops.convert_to_tensor(variable)
    return factor * (value if regularization == "L2" else ops.sign(value))
