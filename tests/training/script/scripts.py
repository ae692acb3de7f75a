"""Scripts of the training runs, which are trained in this process, on any backend."""

from __future__ import annotations

import runpy
from itertools import islice
from pathlib import Path
from typing import Any

import keras
import numpy as np

import bridge
from tests.helpers.golden_cases import assert_close
from tests.training.training_runs import STEPS, Run, assert_blobs


def converted(case: Run, script: Path, **options: Any) -> Any:
    bridge.caffe_to_keras(
        case.file("train.prototxt"),
        case.file("init.caffemodel"),
        script,
        solver=case.file("solver.prototxt"),
        check=False,
        **options,
    )


def arrays(training: Any, case: Run) -> dict[str, Any]:
    """All batches, in the layout of the model."""
    plan = training._setup.plan
    batches = [case.batch(step) for step in range(STEPS)]
    for name in (planned.value for planned in plan.inputs):
        for batch in batches:
            batch[name] = plan.values[name].layout.apply(batch[name])
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def trained(script: Path, data: Path, passes: int) -> tuple[keras.Model, list[float]]:
    """What a script has made of its batches, and the loss of each step without the decay."""
    module = runpy.run_path(str(script))
    model = module["load"]()
    training = module["compiled"](model)
    losses = []
    for inputs, labels in islice(module["batches"](data), STEPS):
        for _ in range(passes):
            decay = sum(float(keras.ops.convert_to_numpy(x)) for x in training.losses)
            training.reset_metrics()
            loss = training.train_on_batch(inputs, labels, return_dict=True)["loss"]
        losses.append(float(loss) - decay)
    return model, losses


def assert_script_trains(case: Run, script: Path) -> None:
    """The loss of each step, and the weights at the end, are Caffe's."""
    training = case.training()
    converted(case, script)
    np.savez(script.with_name("data.npz"), **arrays(training, case))
    model, losses = trained(script, script.with_name("data.npz"), training.solver.iter_size)
    weights = training._setup.objectives.weights
    outputs = (case.outputs(step) for step in range(STEPS))
    expected_losses = [sum(w * x[name].sum() for name, w in weights.items()) for x in outputs]
    assert_close(np.array(losses), np.array(expected_losses), f"{case}, loss")
    assert [w.path for w in model.weights] == [w.path for w in training.model.weights]
    training.model.set_weights(model.get_weights())
    expected = case.by_blob("final")
    for layer in training._setup.remembered:
        own = layer.normalization
        mean, variance, factor = (expected.pop((own.layer, index)) for index in range(3))
        for (variable, _), sums in ((layer.mean, mean), (layer.variance, variance)):
            assert_close(
                keras.ops.convert_to_numpy(variable), sums / factor, f"{own.layer}, statistics"
            )
    assert_blobs(training.blobs(), expected)
