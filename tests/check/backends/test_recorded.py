"""An .npz of blobs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bridge.check.backends.backend import Origin
from bridge.check.backends.recorded import RecordedBackend
from bridge.errors import UsageError


def recorded(folder: Path, **arrays: float) -> RecordedBackend:
    np.savez(folder / "blobs.npz", **{k: np.float32([v]) for k, v in arrays.items()})
    return RecordedBackend(folder / "blobs.npz")


def values(side: RecordedBackend) -> dict[str, float]:
    return {name: float(array[0]) for name, array in side.run({}, side.values)}


def test_plain_names_are_blobs(tmp_path: Path) -> None:
    side = recorded(tmp_path, data=1, conv1=2, **{"out/x": 3})
    assert values(side) == {"data": 1, "conv1": 2, "out/x": 3}
    assert side.feeds(["data"])["data"] == 1


def test_prefixes_say_what_went_in(tmp_path: Path) -> None:
    """A net that works in place on its input leaves another value under its name."""
    side = recorded(tmp_path, **{"in/data": 1, "out/data": 2, "mid/conv": 3, "fc": 4})
    assert values(side) == {"data": 2, "conv": 3, "fc": 4}
    assert side.feeds(["data"])["data"] == 1
    assert side.feeds(["missing"]) == {}


def test_names_of_layers_serve_where_they_are_no_blobs(tmp_path: Path) -> None:
    side = recorded(tmp_path, relu4=1, conv1=2)
    origins = {
        "conv1": Origin("relu1", "Relu", ()),
        "dense": Origin("relu4", "Relu", ()),
    }
    side.name_by_layers(origins)
    assert values(side) == {"dense": 1, "conv1": 2}


def test_a_name_that_may_be_a_blobs_is_not_taken_for_a_layers(tmp_path: Path) -> None:
    """A graph of other names, where Caffe worked in place on conv1: the layer conv1 made another
    value than what was recorded. pool1 is read by no activation, and fc by two layers."""
    origins = {
        "a": Origin("conv1", "Conv", ("x",)),
        "b": Origin("relu1", "Relu", ("a",)),
        "c": Origin("pool1", "MaxPool", ("b",)),
        "d": Origin("fc", "Gemm", ("c",)),
        "e": Origin("soft", "Softmax", ("d",)),
        "f": Origin("sigmoid", "Sigmoid", ("d",)),
    }
    side = recorded(tmp_path, conv1=1, pool1=2, fc=3)
    side.name_by_layers(origins)
    assert values(side) == {"conv1": 1, "c": 2, "d": 3}
    # Where what follows is recorded too, all go by layers.
    side = recorded(tmp_path, conv1=1, relu1=2)
    side.name_by_layers(origins)
    assert values(side) == {"a": 1, "b": 2}


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("not at all", encoding="utf-8")
    with pytest.raises(UsageError, match=r"not an \.npz"):
        RecordedBackend(tmp_path / "text.npz")
    with (tmp_path / "one.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(UsageError, match="expected: named arrays"):
        RecordedBackend(tmp_path / "one.npz")
    with pytest.raises(UsageError, match="no such file"):
        RecordedBackend(tmp_path / "missing.npz")
