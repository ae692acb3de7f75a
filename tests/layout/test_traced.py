from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.layout import Layout, Traced, Weight, constant_text
from tests.helpers.strategies.layouts import layouts

SHAPES = [(12,), (6, 6), (4, 4, 4), (2, 3, 6, 5), (1, 8, 1, 1), (2, 1, 4, 4), (4, 4, 4, 4)]


def numbered(shape: tuple[int, ...]) -> Any:
    return np.arange(1.0, 1 + np.prod(shape), dtype=np.float32).reshape(shape)


def evaluated(text: object, x: Any) -> Any:
    return eval(str(text), {"np": np, "x": x})


def assert_tells_what_it_does(function: Callable[[Any], Any], shape: tuple[int, ...]) -> None:
    traced, x = function(Traced("x", shape)), numbered(shape)
    expected = function(x)
    assert (traced.shape, traced.ndim, traced.size) == (
        expected.shape,
        expected.ndim,
        expected.size,
    )
    result = evaluated(traced, x)
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected, err_msg=str(traced))


@given(layout=st.sampled_from(SHAPES).flatmap(layouts))
def test_the_text_of_a_layout_does_what_the_layout_does(layout: Layout) -> None:
    shape = tuple(map(int, layout.logical_shape))
    assert_tells_what_it_does(layout.apply, shape)
    weight = Weight(shape, lambda: numbered(shape), layout=layout, name="constant")
    text = weight.computed_from(lambda constant: Traced("x", constant.shape))
    np.testing.assert_array_equal(evaluated(text, numbered(shape)), weight.array())


@pytest.mark.parametrize(
    ("function", "shape", "text"),
    [
        (lambda x: x.transpose(2, 3, 1, 0), (96, 3, 11, 11), "x.transpose(2, 3, 1, 0)"),
        (lambda x: x.transpose((1, 2, 0)), (2, 3, 4), "x.transpose(1, 2, 0)"),
        (lambda x: x.T, (2, 3), "x.T"),
        (lambda x: x.T, (2, 3, 4), "x.transpose(2, 1, 0)"),
        (lambda x: x.transpose(0, 1), (2, 3), "x"),
        (lambda x: x.transpose(1, 0), (1, 3), "x.reshape(3, 1)"),
        (lambda x: x.reshape(2, -1), (2, 3, 4), "x.reshape(2, 12)"),
        (lambda x: x.reshape((2, 12)).reshape([24]), (2, 3, 4), "x.reshape(24)"),
        (lambda x: x.reshape(24).reshape(2, 3, 4), (2, 3, 4), "x"),
        (lambda x: x[:, 1:3], (2, 3, 4), "x[:, 1:]"),
        (lambda x: x[:, :2], (2, 3), "x[:, :2]"),
        (lambda x: x[::2], (5, 2), "x[::2]"),
        (lambda x: x[0:5], (5, 2), "x"),
        (lambda x: (x / x[:1]).reshape(6), (2, 3), "(x / x[:1]).reshape(6)"),
        (lambda x: 2.0 * x - 1, (3,), "(2.0 * x) - 1"),
        (lambda x: x * 0, (3,), "x * 0"),
        (lambda x: np.sqrt(x + 0.5), (3,), "np.sqrt(x + 0.5)"),
        (lambda x: x.astype(np.float64), (3,), "x.astype(np.float64)"),
        (lambda x: x * np.ones(3), (3,), "x * np.full((3,), 1.0, np.float64)"),
        (lambda x: np.broadcast_to(x, (2, 3)), (3,), "np.broadcast_to(x, (2, 3))"),
        (lambda x: np.broadcast_to(x, (3,)), (1,), "np.broadcast_to(x, (3,))"),
        (
            lambda x: np.concatenate([x, x[:1]], axis=0),
            (2, 2),
            "np.concatenate([x, x[:1]], axis=0)",
        ),
    ],
)
def test_what_is_done_is_written_as_a_person_would(
    function: Callable[[Any], Any], shape: tuple[int, ...], text: str
) -> None:
    assert str(function(Traced("x", shape))) == text
    assert_tells_what_it_does(function, shape)


def test_an_axis_of_parts_is_written_part_by_part() -> None:
    swapped = Layout(((2, 3),), ((1, 0),))
    layout = Layout.product(
        [Layout.identity((4,)), Layout.concatenated([swapped, Layout.identity((5,))])], (1, 0)
    )
    assert str(layout.apply(Traced("x", (4, 11)))) == (
        "np.concatenate([x[:, :6].reshape(4, 2, 3).transpose(0, 2, 1).reshape(4, 6), x[:, 6:]],"
        " axis=1).T"
    )


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(TypeError):
        np.add.reduce(Traced("x", (3,)))


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.ones((1, 3), np.float32), "np.full((1, 3), 1.0, np.float32)"),
        (np.float32([1, 2]), "np.array([1.0, 2.0], np.float32)"),
        (np.zeros((0,), np.int64), "np.array([], np.int64)"),
    ],
)
def test_known_numbers_are_written_out(array: Any, text: str) -> None:
    assert constant_text(array) == text
    np.testing.assert_array_equal(eval(text, {"np": np}), array)
