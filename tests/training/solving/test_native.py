"""Plain Keras's own training, as `model.compile` has it: the very steps of real Caffe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bridge
from tests.training.training_runs import MIDDLE, STEPS, Run, assert_blobs, run, runs

# Why plain Keras does not compute the steps of these; it does those of all others.
WHY = {
    "adagrad": "adds its epsilon within the root",
    "batchnorm": "BatchNorm remembers sums",
    "batchnorm_scale": "BatchNorm remembers sums",
    "clip_gradients": "clips gradients before the decay",
    "contrastive": "does not compare one result with one input",
    "embed": "of layer 'e' Caffe trains only some weights",
    "hinge_l1": "Keras has no loss like 'loss' (HingeLoss)",
    "multinomial_logistic": "Keras has no loss like 'loss' (MultinomialLogisticLoss)",
    "normalize_full": "Keras has no loss like 'loss' (SoftmaxWithLoss)",
    "policy_inv": "no schedule like lr_policy 'inv'",
    "rmsprop": "adds its epsilon within the root",
    "scale_bias_layers": "of layer 'b' Caffe trains only some weights",
    "weights_of_lenet": "no schedule like lr_policy 'inv'",
}
BY_DAY = {
    "adam",
    "lr_and_decay_mult",
    "shared_conv",
    "frozen",
    "iter_size",
    "sgd_l1",
    "two_losses",
    "adagrad",
    "batchnorm_scale",
}


def fed(training: Any, batch: dict[str, Any]) -> tuple[Any, Any]:
    """The inputs of the model, in its layout, and the labels of each of its outputs; a list where
    there are several."""
    plan = training._setup.plan
    inputs = [plan.values[i.value].layout.apply(batch[i.value]) for i in plan.inputs]
    labels = {x.bottoms[0]: x.bottoms[1] for x in training._setup.objectives.measuring}
    outputs = [batch[labels[name]] for name in plan.outputs]
    return tuple(x if len(x) > 1 else x[0] for x in (inputs, outputs))


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=[] if str(case) in BY_DAY else [pytest.mark.nightly], id=str(case))
        for case in runs()
    ],
)
def test_a_compiled_model_trains_as_caffe_does(case: Run) -> None:
    training = case.training()
    why = " / ".join(training.why_uncompiled)
    assert WHY.get(str(case), "") in why
    assert training.model.compiled == (not why) == (str(case) not in WHY)
    if why:
        return
    for step in range(STEPS):
        inputs, labels = fed(training, case.batch(step))
        for _ in range(training.solver.iter_size):
            training.model.train_on_batch(inputs, labels)
    assert_blobs(training.blobs(), case.by_blob("final"))


# Run with -I where bridge cannot be imported.
GO_ON = """
import sys
sys.modules["bridge"] = None
import keras, numpy as np
model = keras.saving.load_model(sys.argv[1], safe_mode=True)
steps = np.load(sys.argv[2])
for x, y in zip(steps["x"], steps["y"]):
    model.train_on_batch(x, y)
np.savez(sys.argv[3], *(np.asarray(w) for w in model.get_weights()))
"""


@pytest.mark.parametrize("name", ["adam", "lr_and_decay_mult", "shared_conv"])
def test_a_file_goes_on_in_plain_keras(name: str, tmp_path: Path) -> None:
    """With the solver's memory in it, of each rate, and with one layer of shared parameters: steps
    5 to 8, without bridge, from Caffe's snapshot."""
    case = run(name)
    training = case.training("mid", "mid.solverstate")
    training.model.save(tmp_path / "net.keras")
    batches = [fed(training, case.batch(step)) for step in range(MIDDLE, STEPS)]
    x, y = map(np.array, zip(*batches, strict=True))
    np.savez(tmp_path / "steps.npz", x=x, y=y)
    files = (tmp_path / name for name in ("net.keras", "steps.npz", "weights.npz"))
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    command = [sys.executable, "-I", "-c", GO_ON, *map(str, files)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, json.dumps(done.stderr[-2000:])
    with np.load(tmp_path / "weights.npz") as weights:
        training.model.set_weights(list(weights.values()))
    assert_blobs(training.blobs(), case.by_blob("final"))


def test_a_normalisation_by_stored_statistics_is_not_compiled(tmp_path: Path) -> None:
    """Keras normalises by each batch as soon as the layer is trained, Caffe does not."""
    case = run("batchnorm_scale")
    text = case.file("train.prototxt").read_text()
    stored = text.replace("batch_norm_param {", "batch_norm_param { use_global_stats: true")
    assert stored != text
    (tmp_path / "net.prototxt").write_text(stored)
    training = bridge.caffe_training(
        tmp_path / "net.prototxt", case.file("init.caffemodel"), case.file("solver.prototxt")
    )
    assert any("goes by its stored statistics" in why for why in training.why_uncompiled)
