"""An output of a net for one image, read as what its shape says that it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from bridge.errors import UsageError
from bridge.prediction.names import Names
from bridge.types import Array

Answering = Literal["classes", "boxes", "map", "numbers"]
Box = tuple[float, float, float, float]

COLUMNS = 7


@dataclass(frozen=True)
class Guess:
    """A class, by its index and its name, "" if that is unknown. `score` is the output's own number
    for it; of a map, the share of the positions where it is the highest. `box` has the two corners
    of a detection, x before y, in pixels of the picture."""

    index: int
    name: str
    score: float
    box: Box | None = None

    def __str__(self) -> str:
        return self.name or str(self.index)


@dataclass(frozen=True)
class Answer:
    """An output. The best guesses are first.

    classes  a score for each class: 1 k
    boxes    rows of image, class, confidence and two corners: 1 1 m 7, as of DetectionOutput
    map      a score for each class at each position, 1 k h w: `grid` has the class of the highest,
             h w; of one channel it has the numbers themselves
    numbers  anything else
    """

    output: str
    kind: Answering
    shape: tuple[int, ...]
    guesses: tuple[Guess, ...] = ()
    grid: Array | None = field(default=None, repr=False)

    @property
    def classes(self) -> int:
        """How many classes have a score, in all."""
        return max(self.shape) if self.kind == "classes" else self.shape[1]

    def as_dict(self) -> dict[str, Any]:
        """For JSON: all but the map."""
        guesses = [
            {"index": x.index, "name": x.name or None, "score": x.score}
            | ({} if x.box is None else {"box": list(x.box)})
            for x in self.guesses
        ]
        return {
            "output": self.output,
            "kind": self.kind,
            "shape": list(self.shape),
            "guesses": guesses,
        }


@dataclass(frozen=True)
class Reader:
    """How outputs are read: `top` classes, boxes of a `confidence`, and the classes' `names`. A box
    from 0 to 1 of what the net was fed, of so many rows and columns, is so much of the picture,
    `size`, from `offset` on: x, y. Where the images' `channels_last` were fed, a map may have its
    channels there as well, or not."""

    names: Names
    top: int
    confidence: float
    fed: tuple[int, int]
    size: tuple[float, float]
    offset: tuple[float, float]
    channels_last: bool = False

    def read(self, name: str, array: Array, batch: int) -> Answer:
        """The answer for the first image of a batch. Raises UsageError if it is not finite."""
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise UsageError(
                f"the output '{name}' is not finite for this image",
                received="NaN, or infinite",
                hint="are --mean and --scale those of the net's training?",
            )
        if _has_boxes(array):
            return Answer(name, "boxes", array.shape, self._boxes(array.reshape(-1, COLUMNS)))
        own = array[:1] if array.shape[:1] == (batch,) else array
        if own.ndim > 1 and own.shape[0] == 1 and own.size == max(own.shape) > 1:
            return Answer(name, "classes", own.shape, self._best(own.reshape(-1)))
        if own.ndim == 4 and own.shape[0] == 1 and (ordered := self._ordered(own)) is not None:
            return self._map(name, ordered)
        return Answer(name, "numbers", own.shape)

    def _ordered(self, array: Array) -> Array | None:
        """A map as 1 k h w. Of one that may be 1 h w k, the proportions of the image decide; None
        if both or none has them."""
        if not self.channels_last:
            return array
        _, *sizes = array.shape
        first, last = self._proportional(*sizes[1:]), self._proportional(*sizes[:2])
        if first == last:
            return None
        return array if first else array.transpose(0, 3, 1, 2)

    def _proportional(self, height: int, width: int) -> bool:
        """Whether it is a map of the image that was fed, but for a position more or less."""
        rows, columns = self.fed
        return abs(height * columns - width * rows) <= rows + columns

    def _named(self, count: int, index: int) -> str:
        """The name of one of so many classes, if it is these that are named."""
        return self.names[index] if set(self.names) == set(range(count)) else ""

    def _best(self, scores: Array) -> tuple[Guess, ...]:
        order = np.argsort(-scores, kind="stable")[: self.top]
        count = len(scores)
        return tuple(Guess(int(i), self._named(count, int(i)), float(scores[i])) for i in order)

    def _map(self, name: str, array: Array) -> Answer:
        count = array.shape[1]
        if count == 1:
            return Answer(name, "map", array.shape, grid=array[0, 0])
        grid = array[0].argmax(axis=0)
        shares = np.bincount(grid.reshape(-1), minlength=count) / grid.size
        guesses = [guess for guess in self._best(shares) if guess.score > 0]
        return Answer(name, "map", array.shape, tuple(guesses), grid)

    def _boxes(self, rows: Array) -> tuple[Guess, ...]:
        """rows: m 7, of several images, or -1 where an image has no box."""
        own = rows[(rows[:, 0] == 0) & (rows[:, 2] >= self.confidence) & (rows[:, 1] >= 0)]
        return tuple(map(self._box, own[np.argsort(-own[:, 2], kind="stable")]))

    def _box(self, row: Array) -> Guess:
        index = int(row[1])
        if self.names and index not in self.names:
            raise UsageError(
                "a box has a class without a name",
                expected=f"the names of class {index} as well",
                received=f"{len(self.names)} names, up to that of class {max(self.names)}",
                hint="the first line names class 0, which often is the background",
            )
        (left, top), (right, bottom) = (
            [begin + size * float(x) for begin, size, x in zip(*self._frame, corner, strict=True)]
            for corner in (row[3:5], row[5:7])
        )
        return Guess(index, self.names.get(index, ""), float(row[2]), (left, top, right, bottom))

    @property
    def _frame(self) -> tuple[Sequence[float], Sequence[float]]:
        return self.offset, self.size


def _has_boxes(array: Array) -> bool:
    """Whether it has the shape of a DetectionOutput's, and rows as such has them."""
    if array.ndim != 4 or array.shape[:2] != (1, 1) or array.shape[3] != COLUMNS:
        return False
    images, classes, confidences = array.reshape(-1, COLUMNS)[:, :3].T
    whole = (images % 1 == 0).all() and (classes % 1 == 0).all()
    return bool(whole and (classes >= -1).all() and (confidences <= 1).all())
