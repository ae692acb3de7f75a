"""The functions that add losses and solver: Keras's own parts where these are Caffe's."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

import bridge
from bridge.training.script.compiled import Compiled
from bridge.training.solving.native import reasons, regularize
from tests.training.script.scripts import arrays
from tests.training.training_runs import run


def text_of(name: str) -> tuple[str, frozenset[str]]:
    training = run(name).training()
    setup, solver = training._setup, training.solver
    regularize(setup, solver)
    compiled = Compiled(setup, solver, reasons(setup, solver))
    return "\n\n".join(compiled.texts([])), compiled.carried.names


@pytest.mark.parametrize(
    ("name", "text", "carried"),
    [
        ("adam", "    model.compile(", None),
        ("adagrad", 'CaffeOptimizer(\n            Rule(adagrad, ("squares",))', "adagrad"),
        ("policy_inv", "keras.optimizers.SGD(", "InverseRate"),
        ("hinge_l1", 'loss += hinge_loss(f, label, norm="L1")[0]', "hinge_loss"),
        ("embed", 'model.get_layer("e").kernel.trainable = False', None),
        ("batchnorm", 'OverwrittenReLU(model.get_layer("r"), [own["n"]])', "CaffeBatchNorm"),
    ],
)
def test_only_what_keras_lacks_is_carried(name: str, text: str, carried: str | None) -> None:
    own, names = text_of(name)
    assert text in own
    assert (carried in names) if carried else not names


RESIDUAL = """
layer { name: "data" type: "Input" top: "data" top: "label"
        input_param { shape { dim: 4 dim: 2 dim: 5 dim: 5 } shape { dim: 4 } } }
layer { name: "n" type: "BatchNorm" bottom: "data" top: "n" }
layer { name: "m" type: "BatchNorm" bottom: "n" top: "m" }
layer { name: "f" type: "InnerProduct" bottom: "m" top: "f"
        inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "top" type: "Accuracy" bottom: "f" bottom: "label" top: "top" }
layer { name: "loss" type: "HingeLoss" bottom: "f" bottom: "label" top: "loss" loss_weight: 0.5 }
"""


def test_losses_know_only_the_outputs_that_are_read(tmp_path: Path) -> None:
    """An Accuracy beside, and a result that nothing measures."""
    case = run("hinge_l1")
    extra = """
layer { name: "prob" type: "Softmax" bottom: "f" top: "prob" }
layer { name: "top" type: "Accuracy" bottom: "f" bottom: "label" top: "top" }
"""
    (tmp_path / "net.prototxt").write_text(case.file("train.prototxt").read_text() + extra)
    script = tmp_path / "train.py"
    bridge.caffe_to_keras(
        tmp_path / "net.prototxt",
        case.file("init.caffemodel"),
        script,
        solver=case.file("solver.prototxt"),
    )
    np.savez(tmp_path / "data.npz", **arrays(case.training(), case))
    module = runpy.run_path(str(script))
    training = module["compiled"](module["load"]())
    x, y = next(module["batches"](tmp_path / "data.npz"))
    logs = training.train_on_batch(x, y, return_dict=True)
    assert logs["loss"] == pytest.approx(case.outputs(0)["loss"].item(), rel=1e-5)
    scores = training.predict(x, verbose=0)
    assert scores.shape == (6, 3)
    assert logs.keys() == {"loss", "top"}


def test_a_result_with_two_labels_is_not_compiled(tmp_path: Path) -> None:
    """Keras has one label for a result, its metrics too."""
    case = run("adam")
    text = case.file("train.prototxt").read_text()
    other = 'layer { name: "o" type: "Input" top: "o" input_param { shape { dim: 6 } } }'
    top = 'layer { name: "top" type: "Accuracy" bottom: "f" bottom: "o" top: "top" }'
    (tmp_path / "net.prototxt").write_text(text + other + top)
    training = bridge.caffe_training(
        tmp_path / "net.prototxt", case.file("init.caffemodel"), case.file("solver.prototxt")
    )
    assert training.why_uncompiled == ("one result is compared with two inputs",)


def test_normalisations_of_one_kind_are_replaced_at_once(tmp_path: Path) -> None:
    """The script runs before it gets its name."""
    (tmp_path / "net.prototxt").write_text(RESIDUAL)
    (tmp_path / "solver.prototxt").write_text('net: "x" base_lr: 0.1 lr_policy: "fixed"')
    bridge.caffe_to_keras(
        tmp_path / "net.prototxt",
        output=tmp_path / "train.py",
        solver=tmp_path / "solver.prototxt",
        allow_missing_weights=True,
    )
    text = (tmp_path / "train.py").read_text()
    assert "own = {layer.name: CaffeBatchNorm(layer, 0.0, 0.999) for layer in norms}" in text
    assert 'loss += 0.5 * hinge_loss(f, label, norm="L1")[0]' in text
    assert 'metrics=[keras.metrics.SparseCategoricalAccuracy(name="top")]' in text
