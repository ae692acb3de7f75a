"""Losses by their formulas; what real Caffe makes of them is in `test_run.py`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from bridge.caffe.net import Layer
from bridge.errors import Location
from bridge.training.measures import measured

RANDOM = np.random.default_rng(3)
SCORES = RANDOM.normal(size=(4, 3, 2)).astype(np.float32)
LABELS = np.array([[0, 2], [1, 1], [2, 0], [1, 2]], np.float32)
WHERE = Location.of(Path("net.prototxt"))


def loss_of(kind: str, *bottoms: Any, tops: int = 1, **params: Mapping[str, Any]) -> list[Any]:
    names = tuple("xyz"[: len(bottoms)])
    layer = Layer("l", kind, names, tuple("abc"[:tops]), WHERE, params)
    tensors = [keras.ops.convert_to_tensor(np.asarray(x, np.float32)) for x in bottoms]
    return [np.asarray(keras.ops.convert_to_numpy(x)) for x in measured(layer, *tensors)]


def log_probabilities(labels: Any = LABELS) -> Any:
    logs = SCORES - np.log(np.exp(SCORES).sum(axis=1, keepdims=True))
    picked = [[logs[n, int(labels[n, i]), i] for i in range(2)] for n in range(4)]
    return np.array(picked)


@pytest.mark.parametrize(
    ("settings", "divisor"),
    [
        ({}, 6),
        ({"normalization": "FULL"}, 8),
        ({"normalization": "BATCH_SIZE"}, 4),
        ({"normalization": "NONE"}, 1),
        ({"normalize": True}, 6),
        ({"normalize": False}, 4),
        ({"normalize": True, "normalization": "NONE"}, 1),
    ],
)
def test_each_normalization_divides_by_its_count(settings: Mapping[str, Any], divisor: int) -> None:
    counted = LABELS != 0
    expected = -(log_probabilities() * counted).sum() / divisor
    (value,) = loss_of(
        "SoftmaxWithLoss", SCORES, LABELS, loss_param={"ignore_label": 0, **settings}
    )
    assert value == pytest.approx(expected, rel=1e-5)


def test_labels_all_of_which_are_ignored_give_no_loss() -> None:
    (value,) = loss_of(
        "SoftmaxWithLoss", SCORES, np.full((4, 2), 7), loss_param={"ignore_label": 7}
    )
    assert value == 0


def test_the_second_top_has_the_probabilities() -> None:
    _, p = loss_of("SoftmaxWithLoss", SCORES, LABELS, tops=2)
    assert p.shape == SCORES.shape
    assert np.allclose(p.sum(axis=1), 1)


def test_the_sigmoid_cross_entropy_is_by_batch_size() -> None:
    x, t = RANDOM.normal(size=(4, 3)), np.array(RANDOM.integers(0, 2, (4, 3)))
    s = 1 / (1 + np.exp(-x))
    expected = -(t * np.log(s) + (1 - t) * np.log(1 - s)).sum() / 4
    assert loss_of("SigmoidCrossEntropyLoss", x, t)[0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("norm", "power"), [("L1", 1), ("L2", 2)])
def test_the_hinge_loss_pushes_others_below_the_label(norm: str, power: int) -> None:
    x, labels = RANDOM.normal(size=(5, 3)), np.array([0, 1, 2, 1, 0])
    signs = np.ones((5, 3))
    signs[np.arange(5), labels] = -1
    expected = (np.maximum(0, 1 + signs * x) ** power).sum() / 5
    value = loss_of("HingeLoss", x, labels, hinge_loss_param={"norm": norm})[0]
    assert value == pytest.approx(expected, rel=1e-5)


def test_infogain_by_the_unit_matrix_is_the_softmax_loss() -> None:
    plain = loss_of("SoftmaxWithLoss", SCORES, LABELS)[0]
    assert loss_of("InfogainLoss", SCORES, LABELS, np.eye(3))[0] == pytest.approx(plain, rel=1e-5)


def test_pairs_that_differ_are_pushed_to_the_margin() -> None:
    a, b = np.array([[0.0, 0], [0, 0], [0, 0]]), np.array([[0.6, 0.8], [0.3, 0.4], [3, 4]])
    value = loss_of("ContrastiveLoss", a, b, [1, 0, 0])[0]
    assert value == pytest.approx((1 + 0.25 + 0) / 6)
    old = {"legacy_version": True}
    assert loss_of("ContrastiveLoss", a, b, [1, 0, 0], contrastive_loss_param=old)[
        0
    ] == pytest.approx((1 + 0.75 + 0) / 6)


def test_accuracy_counts_ties_against_the_label() -> None:
    scores, labels = [[1, 1, 0], [0, 2, 1], [0, 1, 3]], [0, 1, 0]
    share, by_class = loss_of("Accuracy", scores, labels, tops=2)
    assert share == pytest.approx(1 / 3)
    assert by_class.tolist() == [0, 1, 0]
    top = {"accuracy_param": {"top_k": 2}}
    assert loss_of("Accuracy", scores, labels, **top)[0] == pytest.approx(2 / 3)
    top["accuracy_param"]["ignore_label"] = 1
    assert loss_of("Accuracy", scores, labels, **top)[0] == pytest.approx(1 / 2)
