from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bridge
from bridge.caffe.net import Input, Net
from bridge.errors import Location, ShapeError, UsageError
from bridge.training.feeding import refuse_other_shapes
from tests.training.training_runs import run

WHERE = Location.of(Path("net.prototxt"))
NET = Net("n", (Input("data", (6, 2, 7), WHERE), Input("label", (6,), WHERE)), (), ())


def shaped(**shapes: tuple[int, ...]) -> None:
    refuse_other_shapes(NET, {name: np.zeros(shape) for name, shape in shapes.items()})


def test_the_batch_may_be_another_the_same_for_all() -> None:
    shaped(data=(3, 2, 7), label=(3,))
    with pytest.raises(ShapeError, match="'data' and 'label' are of different batches"):
        shaped(data=(3, 2, 7), label=(6,))
    with pytest.raises(ShapeError, match="the input 'label' has another shape"):
        shaped(data=(3, 2, 7), label=(3, 1))
    with pytest.raises(ShapeError, match="the input 'data' has another shape"):
        shaped(data=(3, 2, 8), label=(3,))


def test_labels_that_are_no_class_are_refused() -> None:
    case = run("ignore_label")  # four classes, of which label 2 is ignored
    training = case.training()
    batch = case.batch(0)
    for wrong in (4, -1):
        with pytest.raises(UsageError, match="labels of 'label' are no class") as refusal:
            training.step({**batch, "label": np.full(6, wrong)})
        assert f"received: {wrong}" in str(refusal.value)
    training.step({**batch, "label": np.full(6, 3)})


def test_what_cannot_be_an_array_is_refused() -> None:
    training = run("euclidean").training()
    with pytest.raises(bridge.BridgeError):
        training.step({**run("euclidean").batch(0), "data": "an image"})
    with pytest.raises(bridge.BridgeError):
        training.step()
