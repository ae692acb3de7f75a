from __future__ import annotations

import numpy as np

import bridge
from bridge.public.options import LoweringOptions
from bridge.training.net.setup import set_up
from tests.training.training_runs import run


def set_up_of(name: str):
    case = run(name)
    return set_up(case.file("train.prototxt"), case.file("init.caffemodel"), LoweringOptions())


def test_variables_are_known_by_blob_and_frozen_as_in_caffe() -> None:
    setup = set_up_of("frozen")
    assert [item.weight_map.layer for item in setup.placed] == ["c", "c", "f", "f"]
    assert [item.weight_map.parameters[0].key for item in setup.trained] == [("f", 0), ("f", 1)]
    assert [v.path for v in setup.model.trainable_variables] == ["f/kernel", "f/bias"]
    assert not setup.is_tied


def test_a_factor_of_ones_is_trained_all_the_same() -> None:
    """The Scale of a net that was not trained yet: an inference model needs no weights for it."""
    setup = set_up_of("batchnorm_scale")
    assert [item.weight_map.parameters[0].key for item in setup.trained][1:3] == [
        ("s", 0),
        ("s", 1),
    ]
    assert np.asarray(setup.model.get_layer("n").gamma).tolist() == [1, 1, 1, 1]


def test_what_keras_adds_is_not_trained() -> None:
    """The ones by which a Bias layer multiplies."""
    setup = set_up_of("scale_bias_layers")
    assert [item.weight_map.is_constant for item in setup.placed].count(True) == 1
    assert all(not item.weight_map.is_constant for item in setup.trained)


def test_shared_parameters_are_one_weight() -> None:
    setup = set_up_of("shared_conv")
    assert not setup.is_tied
    assert [item.variable.path for item in setup.trained] == ["c/kernel", "f/kernel", "f/bias"]


def test_a_normalisation_that_has_seen_no_batch_has_sums_of_0() -> None:
    """As Caffe sets it up; the first batch then counts alone."""
    case = run("batchnorm_scale")
    training = bridge.caffe_training(
        case.file("train.prototxt"), solver=case.file("solver.prototxt")
    )
    assert [training.blobs()["n", index].any() for index in range(3)] == [False] * 3
    training.step(case.batch(0))
    assert training.blobs()["n", 2].tolist() == [1]
    norm = training.model.get_layer("n")
    np.testing.assert_allclose(
        np.asarray(norm.moving_variance), training.blobs()["n", 1], rtol=1e-6
    )
