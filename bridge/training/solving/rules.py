"""The update rules of Caffe's solvers, for one variable.

Each gives the step, which is subtracted from the variable, and what the solver remembers.
(Source: ComputeUpdateValue in src/caffe/solvers/*_solver.cpp)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras import ops

Tensor = Any


@dataclass(frozen=True)
class Settings:
    """The solver's own numbers, with its names for them."""

    momentum: float
    momentum2: float
    rms_decay: float
    delta: float


def sgd(s: Settings, g: Tensor, rate: Tensor, _t: Tensor, memory: Sequence[Tensor]) -> Any:
    """h ← momentum·h + rate·g, and the step is h"""
    h = s.momentum * memory[0] + rate * g
    return h, (h,)


def nesterov(s: Settings, g: Tensor, rate: Tensor, _t: Tensor, memory: Sequence[Tensor]) -> Any:
    """h ← momentum·h + rate·g, and the step is (1 + momentum)·h - momentum·h before"""
    h = s.momentum * memory[0] + rate * g
    return (1 + s.momentum) * h - s.momentum * memory[0], (h,)


def adagrad(s: Settings, g: Tensor, rate: Tensor, _t: Tensor, memory: Sequence[Tensor]) -> Any:
    """h ← h + g², and the step is rate·g / (√h + delta)"""
    h = memory[0] + ops.square(g)
    return rate * g / (ops.sqrt(h) + s.delta), (h,)


def rmsprop(s: Settings, g: Tensor, rate: Tensor, _t: Tensor, memory: Sequence[Tensor]) -> Any:
    """h ← decay·h + (1 - decay)·g², and the step is rate·g / (√h + delta)"""
    h = s.rms_decay * memory[0] + (1 - s.rms_decay) * ops.square(g)
    return rate * g / (ops.sqrt(h) + s.delta), (h,)


def adadelta(s: Settings, g: Tensor, rate: Tensor, _t: Tensor, memory: Sequence[Tensor]) -> Any:
    """h ← m·h + (1 - m)·g², u = g·√((k + delta) / (h + delta)), k ← m·k + (1 - m)·u²; rate·u"""
    h = s.momentum * memory[0] + (1 - s.momentum) * ops.square(g)
    u = g * ops.sqrt((memory[1] + s.delta) / (h + s.delta))
    return rate * u, (h, s.momentum * memory[1] + (1 - s.momentum) * ops.square(u))


def adam(s: Settings, g: Tensor, rate: Tensor, t: Tensor, memory: Sequence[Tensor]) -> Any:
    """m and v as everywhere; rate·√(1 - β₂ᵗ) / (1 - β₁ᵗ) · m / (√v + delta)"""
    m = s.momentum * memory[0] + (1 - s.momentum) * g
    v = s.momentum2 * memory[1] + (1 - s.momentum2) * ops.square(g)
    correction = ops.sqrt(1 - ops.power(s.momentum2, t)) / (1 - ops.power(s.momentum, t))
    return rate * correction * m / (ops.sqrt(v) + s.delta), (m, v)


@dataclass(frozen=True)
class Rule:
    """A rule, and what it remembers of each variable, in the order of Caffe's snapshots.

    `step` is of the settings, the gradient, the rate, the number of the step (from 1) and the
    memory.
    """

    step: Callable[..., tuple[Tensor, Sequence[Tensor]]]
    memory: tuple[str, ...]


RULES: Mapping[str, Rule] = {
    "SGD": Rule(sgd, ("momentum",)),
    "Nesterov": Rule(nesterov, ("momentum",)),
    "AdaGrad": Rule(adagrad, ("squares",)),
    "RMSProp": Rule(rmsprop, ("squares",)),
    "AdaDelta": Rule(adadelta, ("squares", "updates")),
    "Adam": Rule(adam, ("momentum", "squares")),
}
