"""Maps of where images differ."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.check.compare import Row
from bridge.check.report.where import CELLS, map_of


def row(height: int, width: int, limit: float = 0.1) -> Row:
    shape = (1, 2, height, width)
    return Row("conv", shape, shape, 8.0, limit, (0, 1, 0, 0))


def test_cells_have_the_class_of_their_share_of_the_greatest() -> None:
    differences = np.zeros((1, 2, 2, 3))
    differences[0, 0] = 99
    differences[0, 1] = [[8, 6, 4], [2, 0.2, 0.1]]
    image = map_of(row(2, 3), differences)
    assert (image.channel, image.size) == ((0, 1), (2, 3))
    assert image.cells == ((4, 3, 2), (1, 1, 0))


@pytest.mark.parametrize(("size", "cells"), [(39, 39), (40, 40), (41, 40), (1000, 40)])
def test_a_single_pixel_of_a_large_image_is_seen(size: int, cells: int) -> None:
    differences = np.zeros((1, 2, size, size))
    differences[0, 1, size - 1, size // 2] = 8
    image = map_of(row(size, size), differences)
    assert len(image.cells) == len(image.cells[0]) == cells <= CELLS
    assert [max(line) for line in image.cells] == [0] * (cells - 1) + [4]
    assert image.cells[-1].index(4) in (cells // 2, cells // 2 - 1)


def test_what_is_infinite_is_the_worst_and_the_rest_is_seen_as_well() -> None:
    differences = np.zeros((1, 2, 1, 3))
    differences[0, 1] = [[np.inf, 8, 1]]
    assert map_of(row(1, 3), differences).cells == ((4, 4, 1),)


def test_cells_side_by_side_are_one_path() -> None:
    differences = np.zeros((1, 2, 2, 4))
    differences[0, 1] = [[8, 8, 0, 8], [0, 1, 1, 0]]
    assert dict(map_of(row(2, 4), differences).paths) == {
        1: "M1 1h2v1h-2z",
        4: "M0 0h2v1h-2zM3 0h1v1h-1z",
    }
