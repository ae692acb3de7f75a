from __future__ import annotations

import numpy as np
import pytest

from bridge.errors import UsageError
from bridge.prediction.answers import Answer, Reader
from tests.helpers.golden_cases import case


def read(
    array: np.ndarray,
    names: dict[int, str] | None = None,
    *,
    fed: tuple[int, int] = (8, 8),
    channels_last: bool = False,
    batch: int = 1,
) -> Answer:
    reader = Reader(names or {}, 2, 0.5, fed, (100.0, 50.0), (10.0, 0.0), channels_last)
    return reader.read("y", array, batch)


@pytest.mark.parametrize("shape", [(1, 3), (1, 3, 1, 1), (1, 1, 1, 3)])
def test_one_score_for_each_class(shape: tuple[int, ...]) -> None:
    answer = read(np.float32([0.2, 0.7, 0.1]).reshape(shape), {0: "a", 1: "b", 2: "c"})
    assert (answer.kind, answer.classes) == ("classes", 3)
    assert [(x.index, x.name, round(x.score, 4)) for x in answer.guesses] == [
        (1, "b", 0.7),
        (0, "a", 0.2),
    ]


def test_of_a_fixed_batch_the_first_image_counts() -> None:
    answer = read(np.float32([[0, 1, 0], [1, 0, 0]]), batch=2)
    assert (answer.kind, answer.guesses[0].index) == ("classes", 1)
    assert read(np.float32([[0, 1, 0], [1, 0, 0]])).kind == "numbers"


def test_names_of_another_count_are_not_given() -> None:
    answer = read(np.float32([[0.2, 0.7, 0.1]]), {0: "a", 1: "b"})
    assert [str(guess) for guess in answer.guesses] == ["1", "0"]


def test_boxes_are_as_caffe_has_them() -> None:
    """In pixels of the picture, of the first image alone, the surest first."""
    rows = case("detout_batch2").outputs["det"]
    own = [row for row in rows[0, 0] if row[0] == 0 and row[2] >= 0.5]
    answer = read(rows, {0: "background", 1: "cat", 2: "dog"}, batch=2)
    assert answer.kind == "boxes"
    assert [x.score for x in answer.guesses] == sorted((float(r[2]) for r in own), reverse=True)
    best = max(own, key=lambda row: row[2])
    assert (answer.guesses[0].index, answer.guesses[0].name) == (2, "dog")
    corners = [10 + 100 * best[3], 50 * best[4], 10 + 100 * best[5], 50 * best[6]]
    np.testing.assert_allclose(answer.guesses[0].box, corners, rtol=1e-6)
    assert answer.as_dict()["guesses"][0]["box"] == list(answer.guesses[0].box or ())


def test_no_box_is_no_guess() -> None:
    assert read(case("detout_none").outputs["det"]).guesses == ()


def test_a_box_without_a_name_is_refused() -> None:
    with pytest.raises(UsageError, match="a box has a class without a name"):
        read(case("detout_batch2").outputs["det"], {0: "background", 1: "cat"})


def test_seven_columns_of_other_numbers_are_a_map() -> None:
    assert read(np.full((1, 1, 4, 7), 0.5, np.float32)).kind == "map"


def test_a_map_says_the_share_of_each_class() -> None:
    scores = np.zeros((1, 3, 2, 2), np.float32)
    scores[0, 2, 0] = scores[0, 0, 1, 1] = 1
    scores[0, 1, 1, 0] = 1
    answer = read(scores)
    assert (answer.kind, answer.classes) == ("map", 3)
    np.testing.assert_array_equal(answer.grid, [[2, 2], [1, 0]])
    assert [(x.index, x.score) for x in answer.guesses] == [(2, 0.5), (0, 0.25)]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 16, 32, 5), (1, 5, 16, 32)),  # n h w c
        ((1, 5, 16, 32), (1, 5, 16, 32)),  # n c h w
        ((1, 32, 16, 5), None),  # neither has the proportions of the image
    ],
)
def test_proportions_tell_where_the_channels_are(
    shape: tuple[int, ...], expected: tuple[int, ...] | None
) -> None:
    array = np.random.default_rng(0).random(shape, np.float32)
    answer = read(array, fed=(64, 128), channels_last=True)
    assert (answer.kind, answer.shape) == (("map", expected) if expected else ("numbers", shape))


def test_a_map_whose_channels_may_be_anywhere_is_numbers() -> None:
    assert read(np.ones((1, 8, 8, 8), np.float32), channels_last=True).kind == "numbers"
    assert read(np.ones((1, 8, 8, 8), np.float32)).kind == "map"


def test_a_map_of_one_channel_keeps_its_numbers() -> None:
    answer = read(np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2))
    assert (answer.kind, answer.guesses) == ("map", ())
    np.testing.assert_array_equal(answer.grid, [[0, 1], [2, 3]])


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(UsageError, match="'y' is not finite"):
        read(np.float32([[0.5, np.nan]]))
