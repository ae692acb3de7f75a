from __future__ import annotations

import pytest

from bridge.caffe import read
from bridge.errors import PrototxtError, UnsupportedError, UnsupportedLayerError
from bridge.training.net.objectives import objectives
from tests.training.training_runs import run


def of(tmp_path, *lines: str):
    shape = "input_param { shape { dim: 2 dim: 3 } }"
    inputs = f'layer {{ name: "i" type: "Input" top: "x" top: "t" {shape} }}'
    (tmp_path / "net.prototxt").write_text("\n".join([inputs, *lines]))
    return objectives(read(tmp_path / "net.prototxt", phase="TRAIN"))


LOSS = 'layer { name: "l" type: "EuclideanLoss" bottom: "%s" bottom: "t" top: "l" }'
POWER = 'layer { name: "p" type: "Power" bottom: "x" top: "p" %s }'


def test_losses_have_their_weights_and_labels_are_fed() -> None:
    goals = objectives(read(run("two_losses").file("train.prototxt"), phase="TRAIN"))
    assert goals.weights == pytest.approx({"loss": 1, "aux": 0.3})
    assert (goals.outputs, goals.computed, goals.fed) == (("loss", "aux"), ("f", "g"), ("label",))


def test_what_measures_without_a_weight_is_only_returned() -> None:
    goals = objectives(read(run("accuracy_beside").file("train.prototxt"), phase="TRAIN"))
    assert goals.weights == {"loss": 1}
    assert goals.outputs == ("loss", "acc")


def test_any_layer_may_have_a_loss_weight(tmp_path) -> None:
    goals = of(tmp_path, POWER % "loss_weight: 2")
    assert goals.weights == {"p": 2}
    assert goals.computed == goals.outputs == ("p",)


@pytest.mark.parametrize("bottoms", ["", 'bottom: "x"', 'bottom: "x" bottom: "t" bottom: "t"'])
def test_a_loss_of_more_or_fewer_blobs_is_refused(tmp_path, bottoms: str) -> None:
    loss = f'layer {{ name: "l" type: "EuclideanLoss" {bottoms} top: "l" }}'
    with pytest.raises(PrototxtError, match="more or fewer blobs than Caffe's layer"):
        of(tmp_path, loss)


def test_a_loss_that_is_read_is_refused(tmp_path) -> None:
    doubled = 'layer { name: "d" type: "Power" bottom: "l" top: "d" }'
    with pytest.raises(UnsupportedLayerError, match="other layers read what this loss computes"):
        of(tmp_path, POWER % "", LOSS % "p", doubled)


@pytest.mark.parametrize("kind", ["SmoothL1Loss", "TripletLoss", "CenterLoss", "MultiBoxLoss"])
def test_losses_of_forks_are_refused(tmp_path, kind: str) -> None:
    with pytest.raises(UnsupportedLayerError, match=kind):
        of(tmp_path, POWER % "", (LOSS % "p").replace("EuclideanLoss", kind))


def test_a_net_that_minimises_nothing_is_refused(tmp_path) -> None:
    with pytest.raises(UnsupportedError, match="no loss to train it by"):
        of(tmp_path, POWER % "")


def test_the_older_of_two_infogain_losses_is_not_taken_for_the_newer(tmp_path) -> None:
    """Which of them is meant is open behind a Softmax alone."""
    loss = (LOSS % "p").replace("EuclideanLoss", "InfogainLoss")
    softmax = (POWER % "").replace("Power", "Softmax")
    with pytest.raises(UnsupportedLayerError, match="reads probabilities before 2017"):
        of(tmp_path, softmax, loss)
    newer = loss.replace('top: "l"', 'top: "l" infogain_loss_param { axis: 1 }')
    assert of(tmp_path, softmax, newer).weights == {"l": 1}
    assert of(tmp_path, POWER % "", loss).weights == {"l": 1}
