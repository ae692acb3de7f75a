"""Where Keras's habits part from Caffe's: the table of docs/training.md.

Each row trains one of the recorded nets of tests/training/runs for its 8 steps in plain Keras, once
as bridge compiles it or with Keras's nearest optimizer, and says how far the weights end from
those of real Caffe, in parts of the way that Caffe's have gone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.training.training_runs import STEPS, Run, run

Optimizer = Callable[[], Any]


def ended(case: Run, optimizer: Any = None, **options: Any) -> float:
    """How far from Caffe's weights the training ends, with another optimizer or loss."""
    training = case.training()
    model, setup = training.model, training._setup
    if optimizer is not None or options:
        for layer in model.layers:
            for variable in layer.trainable_variables:
                variable.regularizer = None
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer or model.optimizer, loss=loss, **options)
    layout = setup.plan.values["data"].layout
    for step in range(STEPS):
        batch = case.batch(step)
        model.train_on_batch(layout.apply(batch["data"]), batch["label"])
    return _off(case, training.blobs())


def _off(case: Run, blobs: Mapping[tuple[str, int], Any]) -> float:
    final, start = case.by_blob("final"), case.weights("init.caffemodel")
    trained = [key for key in final if key[0] != "n"]
    way = max(np.abs(final[k] - start[k].reshape(final[k].shape)).max() for k in trained)
    return float(max(np.abs(blobs[k] - final[k]).max() for k in trained) / way)


def _statistics() -> float:
    """BatchNormalization's own moving variance after 8 batches, against Caffe's by its weight."""
    case = run("batchnorm_scale")
    final = case.by_blob("final")
    caffes = final["n", 1] / final["n", 2]
    training = case.training()
    layer, layout = training.model.get_layer("n"), training._setup.plan.values["data"].layout
    layer.momentum = 0.999
    layer.moving_variance.assign(np.ones(4))
    for step in range(STEPS):
        training.model(layout.apply(case.batch(step)["data"]), training=True)
        before = np.asarray(layer.moving_variance)
        training.step(case.batch(step))
        layer.moving_variance.assign(before)
    return float((np.abs(before - caffes) / caffes).max())


SGD = keras.optimizers.SGD
ROWS: tuple[tuple[str, str, str, Callable[[], float]], ...] = (
    ("momentum", "sgd_momentum", "`SGD(momentum=0.9)`", lambda: ended(run("sgd_momentum"))),
    ("momentum, Nesterov", "nesterov", "`SGD(nesterov=True)`", lambda: ended(run("nesterov"))),
    (
        "decay, coupled",
        "sgd_decay",
        "`L2(decay / 2)` on each weight",
        lambda: ended(run("sgd_decay")),
    ),
    (
        "decay, decoupled",
        "sgd_decay",
        "`SGD(weight_decay=0.01)`",
        lambda: ended(run("sgd_decay"), SGD(0.1, momentum=0.9, weight_decay=0.01)),
    ),
    ("Adam", "adam", "`Adam(epsilon=0.001)`, the solver's delta", lambda: ended(run("adam"))),
    (
        "Adam, Keras's epsilon",
        "adam",
        "`Adam()`, an epsilon of 1e-7",
        lambda: ended(run("adam"), keras.optimizers.Adam(0.01, beta_2=0.99)),
    ),
    (
        "RMSProp",
        "rmsprop",
        "`RMSprop(epsilon=1e-7)`, within the root",
        lambda: ended(run("rmsprop"), keras.optimizers.RMSprop(0.01, rho=0.95, epsilon=1e-7)),
    ),
    (
        "AdaGrad",
        "adagrad",
        "`Adagrad()`, which starts from 0.1",
        lambda: ended(run("adagrad"), keras.optimizers.Adagrad(0.05, epsilon=1e-6)),
    ),
    (
        "AdaGrad from 0",
        "adagrad",
        "`Adagrad(initial_accumulator_value=0)`",
        lambda: ended(
            run("adagrad"),
            keras.optimizers.Adagrad(0.05, initial_accumulator_value=0.0, epsilon=1e-6),
        ),
    ),
    (
        "normalisation BATCH_SIZE",
        "normalize_batch",
        "the mean over all labels",
        lambda: ended(run("normalize_batch"), SGD(0.1, momentum=0.9)),
    ),
    ("BatchNorm's variance", "batchnorm_scale", "`momentum=0.999` from 1", _statistics),
)


def table() -> str:
    """The rows, as Markdown."""
    lines = ["| habit | run | plain Keras | off by |", "| --- | --- | --- | --- |"]
    for habit, name, keras_has, off in ROWS:
        lines.append(f"| {habit} | `{name}` | {keras_has} | {_text(off())} |")
    return "\n".join(lines)


def _text(off: float) -> str:
    return "0, but for rounding" if off < 1e-5 else f"{100 * off:.2g} %"


if __name__ == "__main__":
    from _training_pictures import write

    print(table())
    write()
