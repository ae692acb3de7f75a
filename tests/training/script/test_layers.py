"""Layers that scripts have, by the equations of Caffe's; whole trainings are in `test_write.py`."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from bridge.training.script.layers import CaffeBatchNorm, OverwrittenReLU

RANDOM = np.random.default_rng(0)


def test_batches_are_remembered_by_the_weight_of_their_sums() -> None:
    norm = keras.layers.BatchNormalization(scale=False, center=False, name="n")
    norm.build((None, 2, 3))
    layer = CaffeBatchNorm(norm, 2.5, 0.9)
    mean, variance = RANDOM.random(3), RANDOM.random(3)
    norm.set_weights([mean, variance])
    weight, sums = 2.5, [2.5 * mean, 2.5 * variance]
    for _ in range(3):
        x = RANDOM.normal(size=(4, 2, 3)).astype(np.float32)
        layer(x, training=True)
        weight = 0.9 * weight + 1
        of_batch = (x.mean((0, 1)), x.var((0, 1), ddof=1))
        sums = [0.9 * s + value for s, value in zip(sums, of_batch, strict=True)]
    for stored, total in zip(norm.get_weights(), sums, strict=True):
        np.testing.assert_allclose(stored, total / weight, rtol=1e-5)
    before = norm.get_weights()
    x = np.ones((1, 2, 3), np.float32)
    np.testing.assert_allclose(layer(x), norm(x, training=False))
    assert all((a == b).all() for a, b in zip(before, norm.get_weights(), strict=True))


@pytest.mark.parametrize("slope", [0.0, 0.25])
def test_a_gradient_has_the_signs_of_what_is_written_over(slope: float) -> None:
    import tensorflow as tf

    negated = keras.layers.Rescaling(-1.0)
    relu = keras.layers.ReLU(negative_slope=slope, name="r")
    layer = OverwrittenReLU(relu, [negated])
    x = tf.Variable([-2.0, 3.0])
    with tf.GradientTape() as tape:
        y = layer(x)
        total = tf.reduce_sum(y * [5.0, 7.0])
    assert y.numpy().tolist() == [-2 * slope, 3]
    # -y is above 0 where x is below, if the slope is not 0
    expected = [5 * slope if slope == 0 else 5.0, 7 * slope]
    assert tape.gradient(total, x).numpy().tolist() == expected
