"""Training on Keras's other backends: a dozen runs of real Caffe, in a process of each."""

from __future__ import annotations

from pathlib import Path

from tests.backends import test_backends
from tests.backends.test_backends import Backend

backend = test_backends.backend  # the fixture

RUNS = """
    adadelta adam batchnorm batchnorm_scale clip_gradients contrastive embed iter_size
    lr_and_decay_mult lstm policy_inv shared_conv two_losses
""".split()

# Every step, the first gradients and the last weights; and the same from the snapshot on.
TRAIN = """
import sys
sys.modules.update(tensorflow=None)
from tests.training.training_runs import MIDDLE, assert_blobs, assert_steps, run
for case in map(run, sys.argv[1:]):
    training = case.training()
    assert_blobs(training.gradients(case.batch(0)), case.by_blob("grad"))
    assert_steps(case, training, 0)
    assert_blobs(training.blobs(), case.by_blob("final"))
    training = case.training("mid", "mid.solverstate")
    assert_steps(case, training, MIDDLE)
    assert_blobs(training.blobs(), case.by_blob("final"))
    print("trained", case)
"""


# What Keras lacks for these is in their scripts, but for those of two rates and of several passes.
SCRIPTS = """
    adagrad batchnorm clip_gradients contrastive embed iter_size lr_and_decay_mult normalize_full
    policy_inv
""".split()

TRAIN_SCRIPTS = """
import pathlib, sys
sys.modules.update(tensorflow=None)
import keras
from tests.training.script.scripts import assert_script_trains
from tests.training.training_runs import run
for case in map(run, sys.argv[2:]):
    keras.backend.clear_session()
    assert_script_trains(case, pathlib.Path(sys.argv[1], f"train_{case}.py"))
    print("trained", case)
"""


def test_steps_are_caffes(backend: Backend) -> None:
    done = backend.run("-c", TRAIN, *RUNS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("trained") == len(RUNS) >= 12


def test_scripts_train_on_it(backend: Backend, tmp_path: Path) -> None:
    done = backend.run("-c", TRAIN_SCRIPTS, tmp_path, *SCRIPTS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("trained") == len(SCRIPTS)
