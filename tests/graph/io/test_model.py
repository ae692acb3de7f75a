from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bridge.graph.io import to_ir
from bridge.lower import LoweredModel


def test_in_memory_weights_stay_unread_until_asked_for(lowered: LoweredModel) -> None:
    def unreadable(*_: np.ndarray) -> np.ndarray:
        raise AssertionError("a weight was read")

    weights = {name: replace(weight, read=unreadable) for name, weight in lowered.weights.items()}
    model = to_ir(replace(lowered, weights=weights))
    value = model.graph.initializers["conv1.weight"]
    assert (value.shape, value.const_value.shape) == (lowered.weights["conv1.weight"].shape,) * 2
    with pytest.raises(AssertionError, match="read"):
        value.const_value.numpy()
