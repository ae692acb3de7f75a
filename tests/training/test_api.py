from __future__ import annotations

from pathlib import Path

import pytest

import bridge
from bridge.errors import UnsupportedError, UnsupportedLayerError, UsageError
from tests.training.training_runs import run

CASE = run("euclidean")


def test_fillers_make_weights_where_no_file_has_them() -> None:
    solver, net = CASE.file("solver.prototxt"), CASE.file("train.prototxt")
    training = bridge.caffe_training(net, None, solver)
    assert {key: blob.shape for key, blob in training.blobs().items()} == {
        ("f", 0): (3, 98),
        ("f", 1): (3,),
    }
    assert any("initialised by fillers" in warning for warning in training.warnings)


def test_files_that_are_missing_are_named() -> None:
    with pytest.raises(UsageError, match=r"cannot read the solver state"):
        bridge.caffe_training(
            CASE.file("train.prototxt"),
            CASE.file("init.caffemodel"),
            CASE.file("solver.prototxt"),
            CASE.file("absent.solverstate"),
        )


def test_losses_of_forks_are_refused_by_name(tmp_path: Path) -> None:
    text = CASE.file("train.prototxt").read_text().replace("EuclideanLoss", "SmoothL1Loss")
    (tmp_path / "net.prototxt").write_text(text)
    with pytest.raises(UnsupportedLayerError, match=r"layer 'loss' \(SmoothL1Loss\)"):
        bridge.caffe_training(tmp_path / "net.prototxt", None, CASE.file("solver.prototxt"))


def test_a_net_without_a_loss_is_refused(tmp_path: Path) -> None:
    lines = CASE.file("train.prototxt").read_text().splitlines()
    (tmp_path / "net.prototxt").write_text("\n".join(x for x in lines if "Loss" not in x))
    with pytest.raises(UnsupportedError, match="the net has no loss to train it by"):
        bridge.caffe_training(tmp_path / "net.prototxt", None, CASE.file("solver.prototxt"))
