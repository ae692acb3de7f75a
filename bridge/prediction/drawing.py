"""The answers of a net, drawn on the picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from colorsys import hsv_to_rgb
from pathlib import Path

import numpy as np

from bridge.check.images import opencv
from bridge.errors import UsageError
from bridge.files.staging import staged
from bridge.prediction.answers import Answer, Answering, Guess
from bridge.types import Array

ENDINGS = (".png", ".jpg", ".jpeg")

# Pixels: a smaller picture is enlarged, so that text fits on it, but not beyond the larger number.
_SMALLEST, _LARGEST = 320, 2000
_GOLDEN = 0.618034  # turns of the colour wheel from one class to the next: no two are alike


def draw(picture: Array, answers: Sequence[Answer], path: Path) -> None:
    """Writes a picture, h w 3 of bytes, with what of the answers can be drawn.

    Raises UsageError if nothing can, or the file cannot be written.
    """
    drawn = [answer for answer in answers if answer.kind in _DRAWN]
    if not drawn:
        raise UsageError(
            "none of the outputs can be drawn",
            expected="classes, boxes or a map",
            received=", ".join(f"{x.output}: {' '.join(map(str, x.shape))}" for x in answers),
        )
    cv2 = opencv()
    short, long = sorted(picture.shape[:2])
    times = max(1, min(-(-_SMALLEST // short), _LARGEST // long))
    size = picture.shape[1] * times, picture.shape[0] * times
    canvas = cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST)
    for answer in drawn:
        canvas = _DRAWN[answer.kind](canvas, answer, times)
    _, data = cv2.imencode(path.suffix, canvas)
    with staged(path) as file:
        file.write_bytes(data.tobytes())


def _colour(index: int) -> tuple[int, int, int]:
    """Blue, green, red."""
    red, green, blue = hsv_to_rgb(index * _GOLDEN % 1, 0.8, 0.9)
    return round(blue * 255), round(green * 255), round(red * 255)


def _words(guess: Guess) -> str:
    return f"{guess} {guess.score:.2f}"


def _text(canvas: Array, text: str, left: int, top: int, colour: tuple[int, int, int]) -> int:
    """Writes a line on a bar of a colour, and returns the bar's height."""
    cv2 = opencv()
    font, size = cv2.FONT_HERSHEY_SIMPLEX, max(0.4, min(canvas.shape[:2]) / 1000)
    (width, height), below = cv2.getTextSize(text, font, size, 1)
    left, top, line = max(0, left), max(0, top), height + below
    cv2.rectangle(canvas, (left, top), (left + width, top + line), colour, -1)
    cv2.putText(canvas, text, (left, top + height), font, size, (0, 0, 0), 1, cv2.LINE_AA)
    return int(line)


def _classes(canvas: Array, answer: Answer, _: int) -> Array:
    below = 0
    for guess in answer.guesses:
        below += _text(canvas, _words(guess), 0, below, _colour(guess.index))
    return canvas


def _boxes(canvas: Array, answer: Answer, times: int) -> Array:
    """The surest last, so that it is on top."""
    cv2 = opencv()
    limit = 4 * max(canvas.shape)  # OpenCV takes 32 bits for a coordinate
    for guess in reversed(answer.guesses):
        corners = np.clip(np.asarray(guess.box) * times, -limit, limit).round().astype(int)
        left, top, right, bottom = map(int, corners)
        colour = _colour(guess.index)
        cv2.rectangle(canvas, (left, top), (right, bottom), colour, 2)
        _text(canvas, _words(guess), left, top, colour)
    return canvas


def _map(canvas: Array, answer: Answer, times: int) -> Array:
    """Classes as colours over the picture, with their names; numbers of one channel as grey."""
    cv2 = opencv()
    grid = np.asarray(answer.grid)
    size = canvas.shape[1], canvas.shape[0]
    if not answer.guesses:
        low, high = float(grid.min()), float(grid.max())
        grey = ((grid - low) * (255 / ((high - low) or 1))).astype(np.uint8)
        grown = cv2.resize(grey, size, interpolation=cv2.INTER_LINEAR)
        return np.repeat(grown[..., None], 3, axis=2)
    colours = np.array([_colour(index) for index in range(int(grid.max()) + 1)], np.uint8)
    over = cv2.resize(colours[grid], size, interpolation=cv2.INTER_NEAREST)
    canvas = cv2.addWeighted(canvas, 0.5, over, 0.5, 0)
    return _classes(canvas, answer, times)


_DRAWN: Mapping[Answering, Callable[[Array, Answer, int], Array]] = {
    "classes": _classes,
    "boxes": _boxes,
    "map": _map,
}
