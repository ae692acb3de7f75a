"""The registry of rules."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.table import Operand


def test_operands() -> None:
    layout = Layout.identity((2, 3))
    tensor = Operand("x", "float32", (2, 3), layout)
    constant = Operand("w", "float32", (2, 3), layout, Weight((2, 3), lambda: np.ones((2, 3))))
    assert (tensor.rank, tensor.is_constant, constant.is_constant) == (2, False, True)
    with pytest.raises(UnsupportedError, match="'x' must be a constant"):
        tensor.array()
    with pytest.raises(UnsupportedError, match="'x' must be a constant"):
        tensor.weight()
    assert constant.weight(Layout.ordered((2, 3), (1, 0))).array().shape == (3, 2)


def test_a_weight_is_not_read_before_it_is_asked_for() -> None:
    def read() -> np.ndarray:
        raise AssertionError("read")

    constant = Operand("w", "float32", (2, 3), Layout.identity((2, 3)), Weight((2, 3), read))
    assert constant.weight().stored_shape == (2, 3)
