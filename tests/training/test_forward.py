"""The forward pass in training: what differs from the model in use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bridge
from bridge.errors import UnsupportedLayerError

NET = """
name: "n"
layer {{ name: "data" type: "Input" top: "data" top: "label"
        input_param {{ shape {{ dim: 4 dim: 6 }} shape {{ dim: 4 }} }} }}
layer {{ name: "a" type: "InnerProduct" bottom: "data" top: "a"
        inner_product_param {{ num_output: 200 weight_filler {{ type: "xavier" }} }} }}
{}
layer {{ name: "b" type: "InnerProduct" bottom: "{}" top: "b" {}
        inner_product_param {{ num_output: 3 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "b" bottom: "label" top: "loss" {} }}
"""
BATCH = {"data": np.random.default_rng(0).normal(size=(4, 6)), "label": np.array([0, 1, 2, 0])}


def training(folder: Path, between: str = "", reads: str = "a", own: str = "", loss: str = ""):
    (folder / "net.prototxt").write_text(NET.format(between, reads, own, loss))
    (folder / "solver.prototxt").write_text('base_lr: 0.1 lr_policy: "fixed"')
    return bridge.caffe_training(folder / "net.prototxt", None, folder / "solver.prototxt")


def norms(folder: Path, **parts: str) -> dict[tuple[str, int], float]:
    gradients = training(folder, **parts).gradients(BATCH)
    return {key: float(np.abs(values).max()) for key, values in gradients.items()}


def test_propagate_down_stops_the_gradient_behind_a_layer(tmp_path: Path) -> None:
    free, stopped = norms(tmp_path), norms(tmp_path, own="propagate_down: false")
    assert free["a", 0] > 0
    assert stopped["a", 0] == stopped["a", 1] == 0
    assert stopped["b", 0] == pytest.approx(free["b", 0])
    at_the_loss = norms(tmp_path, loss="propagate_down: false propagate_down: false")
    assert set(at_the_loss.values()) == {0}


def test_a_loss_counts_by_its_weight(tmp_path: Path) -> None:
    plain, tripled = norms(tmp_path), norms(tmp_path, loss="loss_weight: 3")
    assert tripled["b", 1] == pytest.approx(3 * plain["b", 1], rel=1e-5)


def test_dropout_acts(tmp_path: Path) -> None:
    drop = 'layer { name: "d" type: "Dropout" bottom: "a" top: "d" dropout_param { %s } }'
    run = training(tmp_path, drop % "dropout_ratio: 0.5", "d")
    first, second = (run.gradients(BATCH)["b", 0] for _ in range(2))
    assert not np.allclose(first, second)
    half = (first == 0).mean(), (second == 0).mean()
    assert all(0.02 < share < 0.2 for share in half)  # dropped in all four of a batch: 1/16
    with pytest.raises(UnsupportedLayerError, match="Dropout scales in training"):
        training(tmp_path, drop % "scale_train: false", "d")
