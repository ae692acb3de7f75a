from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from bridge.caffe.files.solver_settings import POLICIES, Solver
from bridge.errors import Location
from bridge.training.solving.rates import is_native, rate

SOLVER = {
    "where": Location.of(Path("s")),
    "base_lr": 0.1,
    "gamma": 0.5,
    "power": 0.75,
    "stepsize": 3,
    "stepvalues": (2, 5),
    "max_iter": 10,
}


def caffes(policy: str, i: int) -> float:
    """(Source: SGDSolver::GetLearningRate)"""
    return {
        "fixed": 0.1,
        "step": 0.1 * 0.5 ** (i // 3),
        "exp": 0.1 * 0.5**i,
        "inv": 0.1 * (1 + 0.5 * i) ** -0.75,
        "multistep": 0.1 * 0.5 ** sum(i >= value for value in (2, 5)),
        "poly": 0.1 * (1 - i / 10) ** 0.75,
        "sigmoid": 0.1 / (1 + np.exp(-0.5 * (i - 3))),
    }[policy]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_is_caffes_at_each_iteration(policy: str) -> None:
    schedule = rate(Solver(policy=policy, **SOLVER))
    assert is_native(schedule) == (policy not in ("inv", "sigmoid"))
    for i in range(10):
        value = schedule(keras.ops.cast(i, "int32")) if callable(schedule) else schedule
        assert float(value) == pytest.approx(caffes(policy, i), rel=1e-5)


def test_keras_has_the_inverse_rate_of_power_1() -> None:
    schedule = rate(Solver(policy="inv", **{**SOLVER, "power": 1.0}))
    assert is_native(schedule)
    assert float(schedule(4)) == pytest.approx(0.1 / 3)


@pytest.mark.parametrize("policy", ["inv", "sigmoid"])
def test_our_own_are_saved_and_loaded(policy: str) -> None:
    schedule = rate(Solver(policy=policy, **SOLVER))
    saved = keras.optimizers.schedules.serialize(schedule)
    again = keras.optimizers.schedules.deserialize(saved)
    assert float(again(5)) == pytest.approx(float(schedule(5)))
