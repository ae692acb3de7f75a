from __future__ import annotations

import numpy as np
import pytest

from bridge.graph.batch_norm import BatchNorm
from bridge.layout import Weight
from bridge.types import Array


def weight(*values: float) -> Weight:
    array = np.array(values, np.float32)
    return Weight(array.shape, lambda: array)


@pytest.mark.parametrize("bias", [None, weight(1, -2)])
def test_the_folded_layer_gives_what_the_normalisation_gave(bias: Weight | None) -> None:
    kernel = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    x = np.array([0.5, -1, 2], np.float32)
    norm = BatchNorm(1e-3, weight(2, 3), weight(-1, 1), weight(4, 5), weight(0.25, 9))

    def scaled(w: Array, factors: Array) -> Array:
        return w * factors[:, None]

    w = norm.folded_kernel(Weight(kernel.shape, lambda: kernel), scaled).array()
    b = norm.folded_bias(bias).array()
    assert w.dtype == b.dtype == np.float32
    linear = kernel @ x + (0 if bias is None else bias.array())
    centered = (linear - [4, 5]) / np.sqrt(np.array([0.25, 9]) + 1e-3)
    np.testing.assert_allclose(w @ x + b, [2, 3] * centered + [-1, 1], rtol=1e-5)
