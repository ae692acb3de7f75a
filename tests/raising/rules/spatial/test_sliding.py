"""Where the elements of windows are, and how many of them count."""

from __future__ import annotations

import numpy as np

from bridge.raising.building.padding import window_of
from bridge.raising.rules.spatial.sliding import Counted, every_window


def test_slices_hold_one_element_of_every_window() -> None:
    window = window_of([8], [3], [2], [2], None, "NOTSET")
    elements = [np.arange(8)[every_window([offset], window)[1]].tolist() for offset in range(3)]
    assert elements == [[0, 2], [2, 4], [4, 6]]


def test_elements_beyond_the_padding_never_count() -> None:
    window = window_of([4], [3], [2], None, [1, 1], "NOTSET", ceil_mode=1)
    explicit = window_of([4], [3], [2], None, [1, 1], "NOTSET")
    assert [counts.tolist() for counts in Counted(window, None).counts()] == [[2, 3, 1]]
    assert [counts.tolist() for counts in Counted(window, explicit).counts()] == [[3, 3, 2]]
