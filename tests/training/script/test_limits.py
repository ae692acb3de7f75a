"""What a script says of a training, and what it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

import bridge
from bridge.errors import UnsupportedError
from bridge.training.script.limits import after, labels, targets, undone
from tests.training.training_runs import run


def test_targets_are_the_labels_of_the_outputs() -> None:
    assert labels(run("two_losses").training()._setup) == ["label", "label"]
    contrastive = run("contrastive").training()._setup
    assert labels(contrastive) == [None, None]
    assert targets(contrastive) == ["label"]


def test_values_are_brought_to_caffes_axes() -> None:
    assert undone(run("normalize_full").training()._setup, "f") == [("transpose", (0, 3, 1, 2))]
    assert undone(run("contrastive").training()._setup, "a") == []


def test_the_layers_in_place_behind_a_relu() -> None:
    assert after(run("batchnorm").training()._setup, "r") == ["n"]


POWER = 'layer { name: "p" type: "Power" bottom: "f" top: "p" loss_weight: 1'


@pytest.mark.parametrize(
    ("name", "old", "new", "why"),
    [
        ("adam", 'bottom: "f" bottom: "label"', "{} propagate_down: false", "propagate_down"),
        ("hinge_l1", 'top: "loss"', "{} } " + POWER, "not only losses"),
    ],
)
def test_what_no_script_says_is_refused(
    name: str, old: str, new: str, why: str, tmp_path: Path
) -> None:
    case = run(name)
    text = case.file("train.prototxt").read_text()
    assert text.count(old) == 1
    (tmp_path / "net.prototxt").write_text(text.replace(old, new.replace("{}", old)))
    with pytest.raises(UnsupportedError, match=why):
        bridge.caffe_to_keras(
            tmp_path / "net.prototxt",
            case.file("init.caffemodel"),
            tmp_path / "train.py",
            solver=case.file("solver.prototxt"),
        )
