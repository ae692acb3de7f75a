from __future__ import annotations

import keras
import numpy as np
import pytest

from bridge.training.solving.optimizer import CaffeOptimizer

SETTINGS = {"momentum": 0.0, "momentum2": 0.999, "rms_decay": 0.99, "delta": 1e-8}


def stepped(values: list[float], gradient: list[float], **options: object) -> list[float]:
    variable = keras.Variable(np.array(values, np.float32), name="w")
    optimizer = CaffeOptimizer("SGD", 0.1, SETTINGS, **options)
    optimizer.apply([keras.ops.convert_to_tensor(np.array(gradient, np.float32))], [variable])
    return np.asarray(keras.ops.convert_to_numpy(variable)).tolist()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [2 - 0.3, -1 - 0.4]),
        ({"decay": 0.5}, [2 - 0.1 * (3 + 1), -1 - 0.1 * (4 - 0.5)]),
        ({"decay": 0.5, "regularization": "L1"}, [2 - 0.35, -1 - 0.35]),
        ({"passes": 2}, [2 - 0.15, -1 - 0.2]),
        ({"global_clipnorm": 1.0}, [2 - 0.06, -1 - 0.08]),
        ({"global_clipnorm": 1.0, "decay": 0.5}, [2 - 0.1 * (0.6 + 1), -1 - 0.1 * (0.8 - 0.5)]),
        ({"global_clipnorm": 1.0, "passes": 2}, [2 - 0.03, -1 - 0.04]),
    ],
)
def test_gradients_are_clipped_then_divided_then_decayed(
    options: dict[str, object], expected: list[float]
) -> None:
    assert stepped([2, -1], [3, 4], **options) == pytest.approx(expected)


def test_factors_are_by_variable() -> None:
    path = keras.Variable(np.zeros(1), name="w").path
    assert stepped([2], [3], rates={path: 10}) == pytest.approx([2 - 3])
    assert stepped([2], [3], decay=0.5, decays={path: 0}) == pytest.approx([2 - 0.3])


def test_it_is_saved_and_loaded() -> None:
    optimizer = CaffeOptimizer("Adam", 0.1, SETTINGS, decay=0.5, rates={"c/kernel": 2.0}, passes=3)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert again.get_config() == optimizer.get_config()
    assert (again.rule, again.decay, again.passes, again.rates) == ("Adam", 0.5, 3, {"c/kernel": 2})
