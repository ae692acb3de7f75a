"""Scales and zero points, as they broadcast to their tensors."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.rules.quantized.steps import as_float, require_integers, spread
from bridge.raising.table import Operand

SHAPE = (2, 4, 3)


def steps(shape: tuple[int, ...]) -> Operand:
    values = np.arange(1, 1 + int(np.prod(shape)), dtype=np.float32).reshape(shape)
    weight = Weight(shape, partial(np.copy, values))
    return Operand("s", "float32", shape, Layout.identity(shape), weight)


def test_one_scale_is_a_number() -> None:
    assert spread(steps((1,)), SHAPE, 1).shape == ()


def test_scales_of_an_axis_lie_along_it() -> None:
    assert spread(steps((4,)), SHAPE, -2).shape == (1, 4, 1)


def test_scales_of_blocks_are_repeated() -> None:
    spread_out = spread(steps((2, 2, 3)), SHAPE, 1, block=2)
    assert spread_out.shape == SHAPE
    assert spread_out.array()[0, :, 0].tolist() == [1, 1, 4, 4]


def test_what_cannot_be_spread_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="fill the axis"):
        spread(steps((2, 3, 3)), SHAPE, 1, block=2)
    with pytest.raises(UnsupportedError, match="unknown size"):
        spread(steps((2, 2, 3)), (2, "height", 3), 1, block=2)


def test_four_bits_are_refused() -> None:
    assert require_integers("int8") == "int8"
    with pytest.raises(UnsupportedError, match="int4"):
        require_integers("int4")


def test_float_weights_stay_as_they_are() -> None:
    weight = steps((2,)).weight()
    assert as_float(weight) is weight
    whole = Weight((2,), lambda: np.array([1, 2], np.int8), dtype=np.dtype(np.int8))
    assert as_float(whole).array().dtype == np.float32
