from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bridge.errors import UsageError
from bridge.prediction.answers import Answer, Guess
from bridge.prediction.drawing import draw

GREY = np.full((320, 400, 3), 128, np.uint8)


def drawn(folder: Path, *answers: Answer, picture: np.ndarray = GREY) -> np.ndarray:
    path = folder / "out.png"
    draw(picture, answers, path)
    pixels = cv2.imread(str(path))
    assert pixels is not None
    return np.asarray(pixels)


def test_a_box_is_drawn_where_it_is(tmp_path: Path) -> None:
    guess = Guess(1, "cat", 0.9, (100.0, 80.0, 300.0, 200.0))
    pixels = drawn(tmp_path, Answer("y", "boxes", (1, 1, 1, 7), (guess,)))
    changed = (pixels != 128).any(axis=2)
    assert changed[200, 110:290].all()
    assert changed[120:190, 100].all()
    assert not changed[120:190, 110:290].any()
    assert not changed[:70].any()


def test_a_box_far_outside_is_drawn_as_far_as_it_goes(tmp_path: Path) -> None:
    guess = Guess(0, "", 0.9, (-1e30, 40.0, 1e30, 90.0))
    pixels = drawn(tmp_path, Answer("y", "boxes", (1, 1, 1, 7), (guess,)))
    assert (pixels[90] != 128).any(axis=1).all()


def test_classes_are_written_on_a_small_picture_made_larger(tmp_path: Path) -> None:
    answer = Answer("y", "classes", (1, 2), (Guess(1, "seven", 1.0), Guess(0, "", 0.0)))
    pixels = drawn(tmp_path, answer, picture=np.zeros((8, 8, 3), np.uint8))
    assert pixels.shape == (320, 320, 3)
    assert pixels[:20].any()
    assert not pixels[60:].any()


def test_a_narrow_picture_is_not_enlarged_beyond_measure(tmp_path: Path) -> None:
    answer = Answer("y", "classes", (1, 2), (Guess(1, "", 1.0),))
    assert drawn(tmp_path, answer, picture=np.zeros((1, 900, 3), np.uint8)).shape == (2, 1800, 3)


def test_the_classes_of_a_map_have_a_colour_each(tmp_path: Path) -> None:
    grid = np.array([[0, 1]])
    answer = Answer("y", "map", (1, 2, 1, 2), (Guess(0, "", 0.5), Guess(1, "", 0.5)), grid)
    pixels = drawn(tmp_path, answer)[100:]
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) == 2
    assert (pixels[:, :200] == pixels[0, 0]).all()


def test_a_map_of_one_channel_is_grey(tmp_path: Path) -> None:
    answer = Answer("y", "map", (1, 1, 1, 2), grid=np.float32([[-3.0, 5.0]]))
    pixels = drawn(tmp_path, answer)
    assert (pixels[0, 0], pixels[0, -1]) == (pytest.approx([0] * 3), pytest.approx([255] * 3))


def test_numbers_cannot_be_drawn(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none of the outputs can be drawn"):
        drawn(tmp_path, Answer("y", "numbers", (1, 3, 2)))
    assert not list(tmp_path.iterdir())
