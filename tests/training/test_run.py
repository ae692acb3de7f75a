"""Training in Keras step by step beside real Caffe's: a sample by day, all runs at night."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.errors import ShapeError, UnsupportedError, UsageError
from tests.training.training_runs import MIDDLE, STEPS, Run, assert_blobs, assert_steps, run, runs

BY_DAY = {"batchnorm", "clip_gradients", "lr_and_decay_mult", "residual_in_place", "shared_conv"}
SAMPLE = [
    pytest.param(case, marks=[] if str(case) in BY_DAY else [pytest.mark.nightly], id=str(case))
    for case in runs()
]


def test_there_are_all_runs() -> None:
    assert len(SAMPLE) == 43


@pytest.mark.parametrize("case", SAMPLE)
def test_losses_gradients_and_weights_are_caffes(case: Run) -> None:
    training = case.training()
    assert_blobs(training.blobs(), case.weights("init.caffemodel"))
    gradients = training.gradients(case.batch(0))
    assert_blobs(gradients, case.by_blob("grad"))
    assert gradients.keys() == case.by_blob("grad").keys()
    assert_steps(case, training, 0, STEPS)
    assert_blobs(training.blobs(), case.by_blob("final"))


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=[] if str(case) == "adam" else [pytest.mark.nightly], id=str(case))
        for case in runs()
    ],
)
def test_a_training_goes_on_from_a_snapshot(case: Run) -> None:
    training = case.training("mid", "mid.solverstate")
    assert_steps(case, training, MIDDLE, STEPS)
    assert_blobs(training.blobs(), case.by_blob("final"))


def test_what_is_fed_is_held_to_the_net() -> None:
    case = run("euclidean")
    training, batch = case.training(), case.batch(0)
    with pytest.raises(UsageError, match="lacks the input 'label'"):
        training.step({"data": batch["data"]})
    with pytest.raises(UsageError, match="has no input 'lable'"):
        training.step({**batch, "lable": batch["label"]})
    with pytest.raises(ShapeError, match="the input 'data' has another shape"):
        training.gradients({**batch, "data": np.zeros((6, 2, 7, 8))})
    before = training.blobs()
    training.gradients(batch)
    assert all((before[key] == values).all() for key, values in training.blobs().items())


def test_a_sequence_that_goes_on_from_the_batch_before_is_refused() -> None:
    """Caffe's recurrent layers keep their state from pass to pass; the model does not."""
    case = run("lstm")
    training, batch = case.training(), case.batch(0)
    on = {**batch, "cont": np.ones_like(batch["cont"])}
    training.step(on)  # from nothing: as if it began
    training.step(batch)
    with pytest.raises(UnsupportedError, match=r"layer 'l' \(LSTM\): a sequence goes on"):
        training.step(on)
