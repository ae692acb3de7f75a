from __future__ import annotations

from pathlib import Path

import numpy as np

import bridge
from tests.training.training_runs import run


def test_the_model_has_the_moving_statistics_by_their_weight() -> None:
    """Caffe's sums divided by their factor; the variance is the unbiased one of 6 · 5 · 5."""
    case = run("batchnorm_scale")
    training = case.training()
    layer = training.model.get_layer("n")
    assert not np.asarray(layer.moving_variance).any()
    for _ in range(2):
        training.step(case.batch(0))
    blobs = training.blobs()
    factor = blobs["n", 2][0]
    assert np.isclose(factor, 1.999)
    assert np.allclose(np.asarray(layer.moving_mean), blobs["n", 0] / factor)
    assert np.allclose(np.asarray(layer.moving_variance), blobs["n", 1] / factor)
    kernel = case.weights("init.caffemodel")["c", 0].reshape(4, 2, 3, 3)
    x = case.batch(0)["data"]
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
    y = np.einsum("nchwij,ocij->nohw", windows, kernel)
    training = case.training()
    training.step(case.batch(0))
    expected = y.var(axis=(0, 2, 3)) * 150 / 149
    assert np.allclose(training.blobs()["n", 1], expected, rtol=1e-4)


def test_frozen_statistics_are_those_of_the_file_by_their_weight(tmp_path: Path) -> None:
    """With use_global_stats nothing is remembered, and batches are not normalised by themselves."""
    case = run("batchnorm_scale")
    text = case.file("train.prototxt").read_text()
    frozen = text.replace("batch_norm_param { ", "batch_norm_param { use_global_stats: true ")
    assert frozen != text
    (tmp_path / "net.prototxt").write_text(frozen)
    files = (tmp_path / "net.prototxt", case.file("mid.caffemodel"), case.file("solver.prototxt"))
    training = bridge.caffe_training(*files)
    weights = case.weights("mid.caffemodel")
    layer = training.model.get_layer("n")
    expected = weights["n", 0] / weights["n", 2][0]
    assert np.allclose(np.asarray(layer.moving_mean), expected, rtol=1e-6)
    training.step(case.batch(0))
    after = training.blobs()
    assert all((after["n", i] == weights["n", i]).all() for i in range(3))
    assert not (after["c", 0] == weights["c", 0].reshape(after["c", 0].shape)).all()
