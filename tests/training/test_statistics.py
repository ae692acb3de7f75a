from __future__ import annotations

import numpy as np

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
