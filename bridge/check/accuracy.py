"""What two sides say of images whose labels are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.check.backends.backend import Backend
from bridge.check.images import Labelled
from bridge.check.inputs import filled, image_input, inputs_of
from bridge.errors import UsageError

Array = NDArray[Any]
Progress = Callable[[str], None]

TOP = 5
BATCH = 16


@dataclass(frozen=True)
class Accuracy:
    """How many of `count` images each side got right, expected first, by its best guess and by
    its best five; and on how many their best guesses differ."""

    count: int
    top1: tuple[int, int]
    top5: tuple[int, int]
    disagreements: int

    @property
    def ok(self) -> bool:
        return self.disagreements == 0

    def __str__(self) -> str:
        one, other = (f"{right / self.count:.2%}" for right in self.top1)
        five, other_five = (f"{right / self.count:.2%}" for right in self.top5)
        return (
            f"{self.count} images: top-1 {one} and {other}, top-5 {five} and {other_five}; "
            f"the two disagree on {self.disagreements}"
        )


def accuracy(
    expected: Backend, received: Backend, images: Labelled, progress: Progress
) -> Accuracy:
    """Runs both sides over all images, which are labelled from 0.

    Raises UsageError where a side computes nothing, it is not clear what classifies, or a label
    is none that it knows.
    """
    output = _classifier(expected, received)
    given, (batch, *_) = image_input(inputs_of(expected, received))
    size = batch if isinstance(batch, int) else BATCH
    ranks: list[list[Array]] = [[], []]
    truth: list[Array] = []
    for arrays, labels in images.batches(size):
        progress(f"classifying {len(truth) * size} of {len(images)} images")
        feeds = {given: filled(arrays, size if batch == size else None)}
        for backend, found in zip((expected, received), ranks, strict=True):
            ((_, scores),) = backend.run(feeds, [output])
            _refuse_unknown(labels, scores)
            found.append(_best(scores[: len(labels)]))
        truth.append(labels)
    one, other, labels = (np.concatenate(each) for each in (*ranks, truth))
    return Accuracy(
        len(images),
        (_right(one[:, :1], labels), _right(other[:, :1], labels)),
        (_right(one, labels), _right(other, labels)),
        int((one[:, 0] != other[:, 0]).sum()),
    )


def _classifier(expected: Backend, received: Backend) -> str:
    common = [name for name in expected.outputs if name in received.outputs]
    if len(common) != 1:
        raise UsageError(
            "it is not clear which output classifies",
            expected="one output that both sides give",
            received=", ".join(common) or "none",
        )
    return common[0]


def _refuse_unknown(labels: Array, scores: Array) -> None:
    """scores: n k, or n k 1 1"""
    classes = scores[:1].size
    unknown = labels[(labels < 0) | (labels >= classes)]
    if len(unknown):
        raise UsageError(
            "the net does not know this label", expected=f"0 to {classes - 1}", received=unknown[0]
        )


def _best(scores: Array) -> Array:
    """scores: n k, or n k 1 1  ->  the places of the best of each, best first: n 5"""
    return np.argsort(-scores.reshape(len(scores), -1), axis=1, kind="stable")[:, :TOP]


def _right(guesses: Array, labels: Array) -> int:
    return int((guesses == labels[:, None]).any(axis=1).sum())
