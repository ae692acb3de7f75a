"""How well two models classify labelled images, and whether they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bridge.check.backends.backend import Backend
from bridge.check.images import Labelled
from bridge.check.inputs import filled, image_input, inputs_of
from bridge.errors import UsageError
from bridge.public.progress import Part, Progress
from bridge.types import Array

TOP = 5
BATCH = 16


@dataclass(frozen=True)
class Accuracy:
    """How many of `count` images each model classified correctly, the expected one first, by its
    best guess and by its best five; and on how many their best guesses differ."""

    count: int
    top1: tuple[int, int]
    top5: tuple[int, int]
    disagreements: int

    @classmethod
    def of_all(cls, parts: Sequence[Accuracy]) -> Accuracy:
        """That of several sets of images together."""
        return cls(
            sum(part.count for part in parts),
            (sum(part.top1[0] for part in parts), sum(part.top1[1] for part in parts)),
            (sum(part.top5[0] for part in parts), sum(part.top5[1] for part in parts)),
            sum(part.disagreements for part in parts),
        )

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
    """Runs both models over all images, which are labelled from 0.

    Raises UsageError if a model computes nothing, it is unclear which output classifies, or a label
    is out of range.
    """
    output = _classifier(expected, received)
    name, (batch, *_) = image_input(inputs_of(expected, received))
    size = batch if isinstance(batch, int) else BATCH
    ranks: list[list[Array]] = [[], []]
    all_labels: list[Array] = []
    for arrays, labels in images.batches(size):
        progress(Part.of("classifying images", len(all_labels) * size, len(images)))
        feeds = {name: filled(arrays, size if batch == size else None)}
        for backend, guesses in zip((expected, received), ranks, strict=True):
            ((_, scores),) = backend.run(feeds, [output])
            _refuse_unknown(labels, scores)
            guesses.append(_best(scores[: len(labels)]))
        all_labels.append(labels)
    one, other, labels = (np.concatenate(batches) for batches in (*ranks, all_labels))
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
            "it is unclear which output classifies",
            expected="one output that both models have",
            received=", ".join(common) or "none",
        )
    return common[0]


def _refuse_unknown(labels: Array, scores: Array) -> None:
    """scores: n k, or n k 1 1"""
    classes = scores[:1].size
    unknown = labels[(labels < 0) | (labels >= classes)]
    if len(unknown):
        raise UsageError("label out of range", expected=f"0 to {classes - 1}", received=unknown[0])


def _best(scores: Array) -> Array:
    """scores: n k, or n k 1 1  ->  the indices of the best of each, best first: n 5"""
    return np.argsort(-scores.reshape(len(scores), -1), axis=1, kind="stable")[:, :TOP]


def _right(guesses: Array, labels: Array) -> int:
    return int((guesses == labels[:, None]).any(axis=1).sum())
