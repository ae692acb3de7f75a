from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from bridge.training.solving.optimizer import CaffeOptimizer
from bridge.training.solving.rules import RULES, Settings

SETTINGS = Settings(momentum=0.0, momentum2=0.999, rms_decay=0.99, delta=1e-8)


def stepped(values: list[float], gradient: list[float], **options: Any) -> list[float]:
    variable = keras.Variable(np.array(values, np.float32), name="w")
    optimizer = CaffeOptimizer(RULES["SGD"], 0.1, SETTINGS, **options)
    for _ in range(options.get("gradient_accumulation_steps", 1)):
        optimizer.apply([keras.ops.convert_to_tensor(np.array(gradient, np.float32))], [variable])
    return np.asarray(keras.ops.convert_to_numpy(variable)).tolist()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [2 - 0.3, -1 - 0.4]),
        ({"decay": 0.5}, [2 - 0.1 * (3 + 1), -1 - 0.1 * (4 - 0.5)]),
        ({"decay": 0.5, "regularization": "L1"}, [2 - 0.35, -1 - 0.35]),
        ({"gradient_accumulation_steps": 2}, [2 - 0.3, -1 - 0.4]),
        ({"global_clipnorm": 1.0}, [2 - 0.06, -1 - 0.08]),
        ({"global_clipnorm": 1.0, "decay": 0.5}, [2 - 0.1 * (0.6 + 1), -1 - 0.1 * (0.8 - 0.5)]),
        ({"global_clipnorm": 0.5, "gradient_accumulation_steps": 2}, [2 - 0.03, -1 - 0.04]),
    ],
)
def test_the_mean_of_all_passes_is_clipped_then_decayed(
    options: dict[str, Any], expected: list[float]
) -> None:
    assert stepped([2, -1], [3, 4], **options) == pytest.approx(expected)


def test_factors_are_by_variable() -> None:
    path = keras.Variable(np.zeros(1), name="w").path
    assert stepped([2], [3], rates={path: 10}) == pytest.approx([2 - 3])
    assert stepped([2], [3], decay=0.5, decays={path: 0}) == pytest.approx([2 - 0.3])


def test_adams_steps_are_those_of_the_solver_not_of_the_passes() -> None:
    """The first step of Adam is the rate, whatever the gradient is."""
    variable = keras.Variable(np.array([2.0], np.float32), name="w")
    adam = Settings(momentum=0.9, momentum2=0.999, rms_decay=0.99, delta=1e-8)
    optimizer = CaffeOptimizer(RULES["Adam"], 0.1, adam, gradient_accumulation_steps=3)
    for _ in range(6):
        optimizer.apply([keras.ops.convert_to_tensor(np.array([3.0], np.float32))], [variable])
    assert variable.numpy()[0] == pytest.approx(2 - 2 * 0.1, rel=1e-4)
