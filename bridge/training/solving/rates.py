"""Caffe's learning-rate policies as schedules of Keras: its own where they are the same.

(Source: SGDSolver::GetLearningRate in src/caffe/solvers/sgd_solver.cpp)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops
from keras.optimizers import schedules

from bridge.caffe.files.solver_settings import Solver

Rate = Any
"""A number, or a LearningRateSchedule."""


@keras.saving.register_keras_serializable(package="caffe")
class InverseRate(schedules.LearningRateSchedule):
    """base · (1 + gamma · step)^-power: Caffe's `inv`. Keras's InverseTimeDecay has the power 1."""

    def __init__(self, base: float, gamma: float, power: float) -> None:
        self.base, self.gamma, self.power = base, gamma, power

    def __call__(self, step: Any) -> Any:
        return self.base * ops.power(1 + self.gamma * ops.cast(step, "float32"), -self.power)

    def get_config(self) -> dict[str, float]:
        return {"base": self.base, "gamma": self.gamma, "power": self.power}


@keras.saving.register_keras_serializable(package="caffe")
class SigmoidRate(schedules.LearningRateSchedule):
    """base / (1 + exp(-gamma · (step - middle))): Caffe's `sigmoid`, middle being its stepsize."""

    def __init__(self, base: float, gamma: float, middle: int) -> None:
        self.base, self.gamma, self.middle = base, gamma, middle

    def __call__(self, step: Any) -> Any:
        return self.base * ops.sigmoid(self.gamma * (ops.cast(step, "float32") - self.middle))

    def get_config(self) -> dict[str, float]:
        return {"base": self.base, "gamma": self.gamma, "middle": self.middle}


class EachStep(schedules.LearningRateSchedule):
    """A schedule of Caffe's steps, each of which takes several passes; Keras counts the passes."""

    def __init__(self, schedule: schedules.LearningRateSchedule, passes: int) -> None:
        self.schedule, self.passes = schedule, passes

    def __call__(self, step: Any) -> Any:
        return self.schedule(step // self.passes)

    def get_config(self) -> dict[str, Any]:
        return {"schedule": self.schedule, "passes": self.passes}


def rate(solver: Solver) -> Rate:
    """The rate of a solver: a number, or a schedule of the iteration."""
    return _POLICIES[solver.policy](solver)


def rate_of_passes(solver: Solver) -> Rate:
    """The same of the passes, of which an iteration takes `iter_size`."""
    own = rate(solver)
    is_schedule = isinstance(own, schedules.LearningRateSchedule)
    return EachStep(own, solver.iter_size) if is_schedule and solver.iter_size > 1 else own


def _inverse(s: Solver) -> Rate:
    if s.power == 1:
        return schedules.InverseTimeDecay(s.base_lr, 1, s.gamma)
    return InverseRate(s.base_lr, s.gamma, s.power)


def _multistep(s: Solver) -> Rate:
    """The rate falls at each of `stepvalue`; Keras keeps a value up to its boundary, included."""
    values = [s.base_lr * s.gamma**number for number in range(len(s.stepvalues) + 1)]
    boundaries = [value - 1 for value in s.stepvalues]
    return schedules.PiecewiseConstantDecay(boundaries, values) if boundaries else s.base_lr


_POLICIES: Mapping[str, Callable[[Solver], Rate]] = {
    "fixed": lambda s: s.base_lr,
    "step": lambda s: schedules.ExponentialDecay(s.base_lr, s.stepsize, s.gamma, staircase=True),
    "exp": lambda s: schedules.ExponentialDecay(s.base_lr, 1, s.gamma),
    "inv": _inverse,
    "multistep": _multistep,
    "poly": lambda s: schedules.PolynomialDecay(s.base_lr, s.max_iter, 0.0, s.power),
    "sigmoid": lambda s: SigmoidRate(s.base_lr, s.gamma, s.stepsize),
}


def is_native(rate: Rate) -> bool:
    """Whether plain Keras knows it."""
    return not isinstance(rate, InverseRate | SigmoidRate)
