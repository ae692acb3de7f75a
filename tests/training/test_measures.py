"""What layers that measure are called with; what they compute is in `test_losses.py`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bridge.caffe.net import Layer
from bridge.errors import Location, UsageError, WeightsError
from bridge.training.measures import matrix, options
from tests.caffe.test_preprocessing import binaryproto

SHAPE = (4, 3, 2)


def layer(kind: str, folder: Path = Path(), bottoms: str = "xy", **params: object) -> Layer:
    where = Location.of(folder / "net.prototxt")
    return Layer("l", kind, tuple(bottoms), ("a",), where, params)


def infogain(folder: Path, source: str, bottoms: str = "xy") -> Layer:
    return layer("InfogainLoss", folder, bottoms, infogain_loss_param={"source": source})


def test_options_have_caffes_defaults() -> None:
    assert options(layer("SoftmaxWithLoss")) == {"axis": 1, "normalization": "VALID"}
    assert options(layer("Accuracy")) == {"axis": 1, "top_k": 1}
    stated = layer("SigmoidCrossEntropyLoss", loss_param={"ignore_label": 0, "normalize": True})
    assert options(stated) == {"normalization": "VALID", "ignore_label": 0}


def test_the_matrix_of_an_infogain_loss_is_read_from_a_blob(tmp_path: Path) -> None:
    values = np.arange(9, dtype=np.float32).reshape(1, 3, 3)
    binaryproto(tmp_path / "h.binaryproto", values)
    own = matrix(infogain(tmp_path, "h.binaryproto"), SHAPE)
    assert own is not None
    assert (own == values[0]).all()
    assert matrix(infogain(tmp_path, "h.binaryproto", "xyz"), SHAPE) is None
    assert matrix(layer("SoftmaxWithLoss"), SHAPE) is None


def test_another_matrix_is_refused(tmp_path: Path) -> None:
    binaryproto(tmp_path / "h.binaryproto", np.zeros((1, 2, 3), np.float32))
    with pytest.raises(WeightsError, match="the matrix does not fit the loss"):
        matrix(infogain(tmp_path, "h.binaryproto"), SHAPE)
    for source in ("absent", "../h.binaryproto", ""):
        with pytest.raises(UsageError):
            matrix(infogain(tmp_path, source), SHAPE)
