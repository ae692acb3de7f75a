"""Addition: Keras on TensorFlow takes for a bias whatever has the size of one."""

from __future__ import annotations

from itertools import product

import keras
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bridge.layout import Weight
from bridge.raising.building.adding import add, may_be_mistaken
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref

sizes = st.integers(1, 3)


def goes_right(x: tuple[int, ...], y: tuple[int, ...]) -> bool:
    one = np.arange(np.prod(x), dtype=np.float32).reshape(x)
    other = 100 + np.arange(np.prod(y), dtype=np.float32).reshape(y)
    result = np.asarray(keras.ops.add(one, other))
    return result.shape == (one + other).shape and bool((result == one + other).all())


def test_keras_adds_wrongly_where_sizes_are_equal() -> None:
    """The day this fails, `adding` may go."""
    assert not goes_right((2, 2, 2), (1, 2, 1))


@given(st.lists(st.tuples(sizes, st.booleans(), st.booleans()), min_size=1, max_size=4))
def test_what_is_let_through_goes_right(axes: list[tuple[int, bool, bool]]) -> None:
    x = tuple(size if kept else 1 for size, kept, _ in axes)
    y = tuple(size if kept else 1 for size, _, kept in axes)
    assume(not may_be_mistaken(x, y))
    assert goes_right(x, y)


@given(st.lists(st.tuples(sizes, *[st.booleans()] * 4), min_size=1, max_size=4))
def test_what_is_let_through_goes_right_whatever_free_sizes_become(
    axes: list[tuple[int, bool, bool, bool, bool]],
) -> None:
    free = [f"s{i}" if f else size for i, (size, f, *_) in enumerate(axes)]
    x = tuple(size if kept else 1 for size, (_, _, kept, *_) in zip(free, axes, strict=True))
    y = tuple(size if kept else 1 for size, (_, _, _, kept, _) in zip(free, axes, strict=True))
    assume(not may_be_mistaken(x, y))
    for values in product((1, 2, 3), repeat=len(axes)):
        bound = {f"s{i}": value for i, value in enumerate(values)}
        shapes = [tuple(bound.get(size, size) for size in shape) for shape in (x, y)]
        assert goes_right(*shapes)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (("batch", 4, 4, 3), (1, 1, 1, 3)),  # a bias
        (("batch", 4, 4, 3), ("batch", 1, 1, 3)),
        (("batch", 4), ("batch", 4)),
        ((4,), (4,)),
        (("batch", 5, 6), (1, 5, 6)),
    ],
)
def test_common_additions_are_let_through(x: tuple[object, ...], y: tuple[object, ...]) -> None:
    assert not may_be_mistaken(x, y)


def test_the_other_way_round_first() -> None:
    recorder = Recorder()
    add(recorder, Ref(1), Ref(2), (2, 2, 2), (1, 2, 1))
    assert [call.target for call in recorder.calls] == ["ops.add"]
    assert recorder.calls[0].arguments == (Ref(2), Ref(1))


def test_where_neither_way_goes_right_it_is_a_subtraction() -> None:
    assert not goes_right((1, 1, 2), (1, 2, 1))
    assert not goes_right((1, 2, 1), (1, 1, 2))
    recorder = Recorder()
    add(recorder, Ref(1), Ref(2), (1, 1, 2), (1, 2, 1))
    assert [call.target for call in recorder.calls] == ["ops.negative", "ops.subtract"]


def test_a_tensor_is_negated_and_not_a_constant() -> None:
    """Of a constant alone Keras makes no node."""
    constant = Weight((1, 1, 2), lambda: np.ones((1, 1, 2)))
    for pair in ((constant, Ref(1)), (Ref(1), constant)):
        recorder = Recorder()
        add(recorder, *pair, (1, 1, 2), (1, 2, 1))
        assert recorder.calls[0].arguments == (Ref(1),)
