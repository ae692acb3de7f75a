"""Layers that share all their parameters; their steps beside real Caffe's are in `test_run.py`."""

from __future__ import annotations

import keras
import pytest

import bridge
from tests.training.training_runs import run


@pytest.mark.parametrize(("name", "outputs"), [("shared_conv", ["f"]), ("contrastive", ["a", "b"])])
def test_they_are_one_layer_of_keras(name: str, outputs: list[str], tmp_path) -> None:
    training = run(name).training()
    assert training.model.output_names == outputs
    assert not training._setup.is_tied
    training.model.save(tmp_path / "net.keras")
    model = keras.saving.load_model(tmp_path / "net.keras", compile=False)
    (shared,) = [layer for layer in model.layers if len(layer._inbound_nodes) > 1]
    assert len(shared.trainable_weights) == (1 if name == "shared_conv" else 2)


def test_layers_of_other_options_stay_apart(tmp_path) -> None:
    """They share the kernel, and not the padding."""
    case = run("shared_conv")
    text = case.file("train.prototxt").read_text().replace("pad: 1", "pad: 0", 1)
    (tmp_path / "net.prototxt").write_text(text)
    training = bridge.caffe_training(tmp_path / "net.prototxt", None, case.file("solver.prototxt"))
    assert training._setup.is_tied
    assert any("parameters that Keras has twice" in why for why in training.why_uncompiled)
    batch = case.batch(0)
    training.step(batch)
    kernels = [training.model.get_layer(name).kernel.numpy() for name in "cd"]
    assert (kernels[0] == kernels[1]).all()
