"""Update rules as Caffe's sources write them; steps of real Caffe are in `test_run.py`."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from bridge.training.solving.rules import RULES, Settings

SETTINGS = Settings(momentum=0.9, momentum2=0.99, rms_decay=0.95, delta=1e-3)
G, H, K, RATE = (
    np.array([0.5, -2.0, 0.0]),
    np.array([0.1, 0.4, 0.2]),
    np.array([0.3, 0.0, 0.1]),
    0.1,
)


def expected(rule: str) -> tuple[np.ndarray, list[np.ndarray]]:
    m, s, d = SETTINGS.momentum, SETTINGS.delta, SETTINGS.rms_decay
    if rule in ("SGD", "Nesterov"):
        h = m * H + RATE * G
        return (h if rule == "SGD" else h + m * (h - H)), [h]
    if rule in ("AdaGrad", "RMSProp"):
        h = H + G**2 if rule == "AdaGrad" else d * H + (1 - d) * G**2
        return RATE * G / (np.sqrt(h) + s), [h]
    if rule == "AdaDelta":
        h = m * H + (1 - m) * G**2
        u = np.sqrt(K + s) / np.sqrt(h + s) * G
        return RATE * u, [h, m * K + (1 - m) * u**2]
    first, second = m * H + (1 - m) * G, SETTINGS.momentum2 * K + 0.01 * G**2
    scale = np.sqrt(1 - SETTINGS.momentum2**3) / (1 - m**3)
    return RATE * scale * first / (np.sqrt(second) + s), [first, second]


@pytest.mark.parametrize("rule", RULES)
def test_a_step_is_caffes(rule: str) -> None:
    tensors = [keras.ops.convert_to_tensor(x.astype(np.float32)) for x in (G, H, K)]
    memory = tensors[1 : 1 + len(RULES[rule].memory)]
    step, after = RULES[rule].step(SETTINGS, tensors[0], RATE, keras.ops.cast(3, "float32"), memory)
    wanted, remembered = expected(rule)
    assert np.allclose(keras.ops.convert_to_numpy(step), wanted, atol=1e-6)
    assert len(after) == len(remembered)
    for one, other in zip(after, remembered, strict=True):
        assert np.allclose(keras.ops.convert_to_numpy(one), other, atol=1e-6)
