"""The weights of interpolations, against simple numbers."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.errors import UnsupportedError
from bridge.raising.rules.spatial.interpolation import Axis, Interpolation, repeats

HALVED, DOUBLED = Axis(4, 2, np.float32(0.5)), Axis(2, 4, np.float32(2))


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("exclude_outside", [False, True])
def test_weights_of_an_element_add_up_to_1(
    mode: str, antialias: bool, exclude_outside: bool
) -> None:
    how = Interpolation(mode, antialias=antialias, exclude_outside=exclude_outside)
    for axis in (HALVED, DOUBLED, Axis(7, 3, np.float32(3 / 7))):
        np.testing.assert_allclose(how.matrix(axis).sum(axis=1), 1, atol=1e-6)


def test_a_linear_half_is_the_mean_of_two() -> None:
    np.testing.assert_allclose(
        Interpolation("linear").matrix(HALVED), [[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]]
    )


def test_whole_factors_repeat() -> None:
    indices = Interpolation("nearest").nearest_indices(DOUBLED)
    assert indices.tolist() == [0, 0, 1, 1]
    assert repeats(indices, 2) == 2
    assert repeats(np.array([0, 1, 1, 1], np.int32), 2) is None


def test_what_lies_beyond_a_crop_has_no_weight() -> None:
    how = Interpolation("linear", "tf_crop_and_resize")
    axis = Axis(5, 3, np.float32(0.6), start=0.5, end=1.5)
    assert how.is_on_map(axis).tolist() == [True, True, False]
    np.testing.assert_allclose(how.matrix(axis).sum(axis=1), [1, 1, 0])


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="unknown coordinate_transformation_mode"):
        Interpolation("linear", "other").matrix(HALVED)
