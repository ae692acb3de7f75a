"""Trainings as scripts: their steps are Caffe's, without bridge."""

from __future__ import annotations

import runpy
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import bridge
from bridge.errors import UnsupportedError, UsageError
from bridge.training.script import source_of
from tests.script.scripts import assert_clean
from tests.training.solving.test_native import WHY
from tests.training.training_runs import STEPS, Run, assert_blobs, run, runs

BY_DAY = {"frozen"}


def converted(case: Run, script: Path, **options: Any) -> Any:
    bridge.caffe_to_keras(
        case.file("train.prototxt"),
        case.file("init.caffemodel"),
        script,
        solver=case.file("solver.prototxt"),
        check=False,
        **options,
    )
    return runpy.run_path(str(script))


def arrays(training: Any, case: Run) -> dict[str, Any]:
    """All batches, in the layout of the model."""
    plan = training._setup.plan
    batches = [case.batch(step) for step in range(STEPS)]
    for name in (planned.value for planned in plan.inputs):
        for batch in batches:
            batch[name] = plan.values[name].layout.apply(batch[name])
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=[] if str(case) in BY_DAY else [pytest.mark.nightly], id=str(case))
        for case in runs()
        if str(case) not in WHY
    ],
)
def test_a_script_trains_as_caffe_does(case: Run, tmp_path: Path) -> None:
    keras.backend.clear_session()
    module = converted(case, tmp_path / "train.py")
    model = module["compiled"](module["load"]())
    training = case.training()
    np.savez(tmp_path / "data.npz", **arrays(training, case))
    for inputs, labels in islice(module["batches"](tmp_path / "data.npz"), STEPS):
        for _ in range(training.solver.iter_size):
            model.train_on_batch(inputs, labels)
    paths = [weight.path for weight in training.model.weights]
    assert [weight.path for weight in model.weights] == paths
    training.model.set_weights(model.get_weights())
    assert_blobs(training.blobs(), case.by_blob("final"))
    assert_clean((tmp_path / "train.py").read_text())


@pytest.mark.nightly
def test_a_script_trains_when_it_is_run(tmp_path: Path) -> None:
    """As a program, in a process of its own."""
    case = run("adam")
    converted(case, tmp_path / "train.py")
    np.savez(tmp_path / "data.npz", **arrays(case.training(), case))
    command = [sys.executable, "-I", str(tmp_path / "train.py"), str(tmp_path / "data.npz")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    training = case.training()
    training.model.set_weights(keras.saving.load_model(tmp_path / "train.keras").get_weights())
    assert_blobs(training.blobs(), case.by_blob("final"))


def test_what_plain_keras_computes_otherwise_has_no_script(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"no script trains this net.*\n.*epsilon within"):
        converted(run("rmsprop"), tmp_path / "train.py")
    state = run("nesterov").file("mid.solverstate")
    with pytest.raises(UsageError, match="a script begins at the first step"):
        converted(run("nesterov"), tmp_path / "train.py", solverstate=state)
    assert [*tmp_path.iterdir()] == []


def test_what_keras_is_given_is_spelled_without_its_defaults() -> None:
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([2], [0.1, 0.01])
    optimizer = keras.optimizers.SGD(rate, momentum=0.9, global_clipnorm=2.0)
    schedule = (
        "keras.optimizers.schedules.PiecewiseConstantDecay(boundaries=[2], values=[0.1, 0.01])"
    )
    settings = f"learning_rate={schedule}, momentum=0.9, global_clipnorm=2.0"
    assert str(source_of(optimizer)) == f"keras.optimizers.SGD({settings})"
    assert str(source_of(keras.regularizers.L1(0.25))) == "regularizers.L1(0.25)"
    metric = keras.metrics.SparseCategoricalAccuracy(name="top1")
    assert str(source_of([metric])) == '[keras.metrics.SparseCategoricalAccuracy(name="top1")]'
    assert str(source_of([None, 1.5])) == "[None, 1.5]"


PREPARED = """
name: "net"
layer { name: "d" type: "ImageData" top: "data" top: "label"
        transform_param { mean_value: 104 mean_value: 117 mean_value: 123.5 scale: 0.017
                          crop_size: 8 }
        image_data_param { source: "list.txt" batch_size: 4 new_height: 9 new_width: 9 } }
layer { name: "f" type: "InnerProduct" bottom: "data" top: "a\\"\\"\\"b"
        inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "a\\"\\"\\"b" bottom: "label" top: "loss" }
"""


def test_images_are_prepared_as_the_data_layer_says(tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_text(PREPARED)
    (tmp_path / "solver.prototxt").write_text(
        'net: "x" base_lr: 0.01 lr_policy: "fixed" max_iter: 5'
    )
    bridge.caffe_to_keras(
        tmp_path / "net.prototxt",
        output=tmp_path / "train.py",
        solver=tmp_path / "solver.prototxt",
        check=False,
        allow_missing_weights=True,
        input_shape={"data": (4, 3, 8, 8), "label": (4,)},
    )
    text = (tmp_path / "train.py").read_text()
    assert_clean(text)
    assert "steps_per_epoch=5" in text
    assert '# - "data", of n 8 8 3' in text
    module = runpy.run_path(str(tmp_path / "train.py"))
    images = np.full((1, 8, 8, 3), 200, np.float32)
    expected = (images - np.array([104, 117, 123.5], np.float32)) * 0.017
    np.testing.assert_allclose(module["prepared"](images), expected, rtol=1e-6)
