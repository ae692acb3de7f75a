from __future__ import annotations

import keras
import numpy as np

from bridge.training.gradients import differentiated


def test_gradients_are_by_each_variable_and_0_where_none_leads_to_it() -> None:
    used, unused = (keras.Variable(np.array([1.0, 2.0], np.float32)) for _ in range(2))

    def loss(inputs):
        return keras.ops.sum(used * used * inputs[0]), {"twice": inputs[0] * 2}

    rest, gradients = differentiated(loss, [used, unused], [])([keras.ops.ones(2) * 3])
    assert keras.ops.convert_to_numpy(rest["twice"]).tolist() == [6, 6]
    assert [keras.ops.convert_to_numpy(g).tolist() for g in gradients] == [[6, 12], [0, 0]]
