from __future__ import annotations

import numpy as np
import pytest

from bridge.caffe.net import Blob
from bridge.errors import GraphError
from bridge.graph.io.weight import Weight
from bridge.lower.values import FLOAT, Value


def test_a_symbol_is_no_fixed_size() -> None:
    value = Value("x", FLOAT, ("n", 3))
    assert value.rank == 2
    assert value.fixed(1) == 3
    with pytest.raises(GraphError, match="axis 0 of 'x' has no fixed size"):
        value.fixed(0)


def test_a_derived_weight_has_the_blobs_of_those_it_is_derived_from() -> None:
    blobs = [Blob((2,), lambda: np.zeros(2, np.float32)) for _ in range(3)]
    total = Weight(FLOAT, (2,), lambda x, y: x + y, sources=(blobs[0], blobs[1]))
    other = Weight(FLOAT, (2,), lambda x: x, sources=(blobs[2],))
    weight = Weight.derived((2,), lambda one, two: one * two, total, other)
    assert weight.sources == tuple(blobs)
    made = weight.computed_from([np.array([1, 2]), np.array([3, 4]), np.array([5, 6])])
    np.testing.assert_array_equal(made, [20, 36])
