"""What a net is typically fed."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bridge.check.litert import samples as module
from bridge.check.litert.samples import samples
from bridge.errors import UsageError
from bridge.graph.io.images import Pixels

IMAGE = {"data": (("batch", 3, 2, 2), "float32")}
BGR = Pixels("Bgr8")
TWO = {"a": (("batch", 2), "float32"), "b": ((2, 3), "float32")}


def images(folder: Path, *colours: int) -> Path:
    folder.mkdir()
    for colour in colours:
        cv2.imwrite(str(folder / f"{colour}.png"), np.full((4, 4, 3), colour, np.uint8))
    return folder


def test_images_are_fed_as_they_are_one_at_a_time(tmp_path: Path) -> None:
    fed = samples(images(tmp_path / "photos", 10, 20), IMAGE, BGR)
    assert [feeds["data"].shape for feeds in fed] == [(1, 3, 2, 2)] * 2
    assert [feeds["data"].max() for feeds in fed] == [10, 20]
    (feeds,) = samples(images(tmp_path / "more", 30), {"data": ((2, 3, 2, 2), "float32")}, BGR)
    assert feeds["data"].shape == (2, 3, 2, 2)


def test_of_many_some_are_taken_from_all_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    fed = samples(images(tmp_path / "photos", 11, 12, 13, 14), IMAGE, BGR)
    assert [feeds["data"].max() for feeds in fed] == [11, 13]


def test_arrays_have_as_many_samples_as_the_net_takes(tmp_path: Path) -> None:
    a, b = np.arange(6.0).reshape(3, 2), np.arange(12.0).reshape(4, 3)
    np.savez(tmp_path / "fed.npz", a=a, b=b)
    one, two = samples(tmp_path / "fed.npz", TWO, None)
    assert [feeds["a"].tolist() for feeds in (one, two)] == [[[0, 1]], [[2, 3]]]
    assert two["b"].tolist() == [[6, 7, 8], [9, 10, 11]]


def test_what_has_no_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such"):
        samples(tmp_path / "nowhere", IMAGE, BGR)
    with pytest.raises(UsageError, match="no images in this folder"):
        samples(images(tmp_path / "empty"), IMAGE, BGR)
    np.savez(tmp_path / "few.npz", a=np.zeros((3, 2)), b=np.zeros((1, 3)))
    with pytest.raises(UsageError, match="no samples in this file"):
        samples(tmp_path / "few.npz", TWO, None)
    np.savez(tmp_path / "one.npz", a=np.zeros((3, 2)))
    with pytest.raises(UsageError, match="an input is missing"):
        samples(tmp_path / "one.npz", TWO, None)


def test_images_are_fed_as_the_graph_takes_them_or_not_at_all(tmp_path: Path) -> None:
    folder = images(tmp_path / "photos")
    cv2.imwrite(str(folder / "blue.png"), np.full((4, 4, 3), (255, 0, 0), np.uint8))
    (feeds,) = samples(folder, IMAGE, Pixels("Rgb8", 127.5, 127.5))
    assert feeds["data"][0, :, 0, 0].tolist() == [-1, -1, 1]
    with pytest.raises(UsageError, match="unknown how this net wants its images"):
        samples(folder, IMAGE, None)
