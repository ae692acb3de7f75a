"""Arrays in a script: small ones in its text, large ones in the file."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.errors import UnsupportedError
from bridge.layout import Weight
from bridge.script.constants import Constants


@pytest.mark.parametrize(
    "array",
    [
        np.array([1, 0]),
        np.array([[0.1, np.inf], [-0.0, 1e-7]], np.float32),
        np.array(0.1),
        np.array([True, False]),
        np.zeros((0, 3), np.int32),
        np.array([0.1], np.float16),
    ],
)
def test_a_small_array_is_written_out(array: np.ndarray) -> None:
    constants = Constants()
    read = eval(str(constants.source(array)), {"np": np, "float": float})
    assert (read.dtype, read.shape) == (array.dtype, array.shape)
    assert read.tobytes() == array.tobytes()
    assert constants.any_small
    assert not constants


def test_large_ones_are_in_the_file_once() -> None:
    constants, array = Constants(), np.arange(12.0).reshape(3, 4)
    weight = Weight(array.shape, lambda: array, dtype=array.dtype)
    sources = [str(constants.source(x)) for x in (array, weight, array.astype(np.int64))]
    assert sources == ['constant("0")', 'constant("0")', 'constant("1")']
    first, second = constants.entries()
    assert first.dataset.path == "constants/0"
    np.testing.assert_array_equal(np.concatenate([*first.pieces()]), array.ravel())
    assert second.dataset.dtype == np.int64
    assert not constants.any_small


def test_a_large_array_of_no_numbers_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="9 elements of bool"):
        Constants().source(np.ones(9, bool))
