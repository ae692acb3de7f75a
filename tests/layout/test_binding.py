"""Symbols that take their sizes from an array, by example."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.layout import Layout

NAMED = Layout.ordered(("n", 3, "h", 5), (0, 2, 3, 1))
NHWC = Layout.ordered((2, 3, 4, 5), (0, 2, 3, 1))


def test_a_symbol_known_from_one_axis_serves_another() -> None:
    layout = Layout((("h", "w"), ("h",)), ((1, 0), (2,)))
    x = np.arange(24).reshape(12, 2)
    stored = x.reshape(2, 6, 2).transpose(1, 0, 2).reshape(12, 2)
    assert np.array_equal(layout.apply(x), stored)


def test_symbols_that_are_separated_must_be_known() -> None:
    separated = Layout((("h", "w"),), ((1, 0),))
    with pytest.raises(ValueError, match=r"shape \(12,\) does not fit"):
        separated.apply(np.zeros(12))


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 5, 4), (2, 60)])
def test_an_array_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"does not fit n c h w -> n h w c of \(2, 3, 4, 5\)"):
        NHWC.apply(np.zeros(shape))


def test_the_rest_of_a_size_must_fit_its_symbol() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Layout.identity(("batch", 3)).apply(np.zeros((2, 4)))
    with pytest.raises(ValueError, match="does not fit"):
        Layout((("batch", 3),), ((1, 0),)).apply(np.zeros(7))


@pytest.mark.parametrize(
    ("layout", "shape", "stored"),
    [
        (Layout.identity(("boxes", 7)), (0, 7), (0, 7)),
        (NAMED, (0, 3, 4, 5), (0, 4, 5, 3)),
        (NAMED, (2, 3, 0, 5), (2, 0, 5, 3)),
    ],
)
def test_an_array_may_be_empty(
    layout: Layout, shape: tuple[int, ...], stored: tuple[int, ...]
) -> None:
    assert layout.apply(np.zeros(shape)).shape == stored
    assert layout.undo(np.zeros(stored)).shape == shape


def test_symbols_that_stay_together_need_not_be_known() -> None:
    rows = Layout.ordered(("batch", 3, "h", "w"), (0, 2, 3, 1)).grouped(("batch", 3, "h*w"))
    assert rows is not None
    x = np.arange(60).reshape(1, 3, 20)
    assert np.array_equal(rows.apply(x), x.transpose(0, 2, 1))
