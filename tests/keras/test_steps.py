from __future__ import annotations

import keras
import pytest

from bridge.errors import UnsupportedError
from bridge.keras.steps import MOST_STEPS, refuse_many_steps

layers = keras.layers


def model(steps: int | None, calls: int = 1) -> keras.Model:
    x = y = keras.Input((steps, 1))
    layer = layers.SimpleRNN(1, return_sequences=True)
    for _ in range(calls):
        y = layer(y)
    return keras.Model(x, y)


def test_steps_of_all_calls_are_counted_also_of_models_within() -> None:
    half = MOST_STEPS // 2 + 1
    refuse_many_steps(model(half))
    refuse_many_steps(model(None))
    x = keras.Input((half, 1))
    for many in (
        model(half, calls=2),
        keras.Model(x, model(half)(layers.GRU(1, return_sequences=True)(x))),
    ):
        with pytest.raises(UnsupportedError, match="too many time steps") as refusal:
            refuse_many_steps(many)
        assert refusal.value.received == f"{2 * half:,}"
