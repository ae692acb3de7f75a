"""The command predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bridge.cli.app import reading_command
from bridge.cli.options import (
    DEFAULT_PRINTING,
    AllowExternalPath,
    IgnoreFields,
    Mean,
    Printing,
    Rgb,
    Scale,
    parse_mean,
    parse_scale,
)
from bridge.cli.progress import running
from bridge.cli.show import say, show_json, show_table, show_warnings, words
from bridge.errors import UsageError

if TYPE_CHECKING:
    from bridge.prediction.answers import Answer, Answering, Guess
    from bridge.prediction.api import Predictions


@reading_command
def predict(
    *files: Annotated[
        Path,
        Parameter(
            help="A model, then images: NET.prototxt WEIGHTS.caffemodel, .onnx, .keras, .tflite "
            "or a SavedModel folder."
        ),
    ],
    labels: Annotated[
        Path | None,
        Parameter(help="The names of the classes: a line for each, or a label map of SSD."),
    ] = None,
    top: Annotated[int, Parameter(help="How many classes to show.")] = 5,
    confidence: Annotated[float, Parameter(help="Of the boxes that are shown, at least.")] = 0.5,
    mean: Mean = None,
    scale: Scale = None,
    rgb: Rgb = False,
    ignore_fields: IgnoreFields = None,
    allow_external_path: AllowExternalPath = False,
    output: Annotated[
        Path | None, Parameter(alias="-o", help="A picture to write, with the answers on it.")
    ] = None,
    printing: Printing = DEFAULT_PRINTING,
) -> None:
    """Show what a model says of images: the best classes, boxes, or the classes of a map.

    Images are preprocessed as the prototxt or the .onnx says, or by --mean, --scale and --rgb.

    **Examples**

        python -m bridge predict net.onnx cat.jpg --mean 104,117,123 --labels synset_words.txt

        python -m bridge predict train_val.prototxt net.caffemodel cat.jpg dog.jpg --top 3

        python -m bridge predict ssd.onnx street.jpg --mean 104,117,123 -o boxes.png

        python -m bridge predict net.keras digit.png --scale 0.00392157 --json
    """
    from bridge.prediction.api import predict as predicted

    model, images = _model_and_images(files)
    with running(verbose=printing.verbose) as run:
        predictions = predicted(
            model,
            images,
            labels=labels,
            top=top,
            confidence=confidence,
            mean=parse_mean(mean),
            scale=parse_scale(scale),
            rgb=rgb,
            ignore_fields=ignore_fields or (),
            allow_external_path=allow_external_path,
            output=output,
            progress=run.stage,
        )
    show_warnings(predictions.warnings)
    if printing.as_json:
        show_json(predictions.as_dict())
    elif printing.prose:
        _show(predictions, confidence)
        if output is not None:
            say(output)


def _model_and_images(files: Sequence[Path]) -> tuple[Path | tuple[Path, Path], Sequence[Path]]:
    """A .caffemodel, or .caffemodel.h5, belongs to the .prototxt before it."""
    from bridge.check.loading import is_caffemodel

    is_caffe = len(files) > 1 and is_caffemodel(files[1])
    images = files[2 if is_caffe else 1 :]
    if not images:
        raise UsageError(
            "predict: no image is named" if files else "predict: no model is named",
            expected="MODEL IMAGE…, where a Caffe net is NET.prototxt WEIGHTS.caffemodel",
            received=" ".join(map(str, files)) or None,
        )
    return (files[0], files[1]) if is_caffe else files[0], images


def _show(predictions: Predictions, confidence: float) -> None:
    for number, prediction in enumerate(predictions.images):
        for answer in prediction.answers:
            if number or answer is not prediction.answers[0]:
                print()
            say(f"{prediction.image}: {answer.output}, {_title(answer, confidence)}")
            if answer.guesses:
                show_table(_HEADS[answer.kind], [_row(guess) for guess in answer.guesses])


def _title(answer: Answer, confidence: float) -> str:
    count = len(answer.guesses)
    if answer.kind == "boxes":
        return f"{count} box{'es' * (count != 1)} of confidence {confidence:g} or more"
    if answer.kind == "classes":
        return f"{answer.classes} classes"
    if answer.kind == "numbers" or answer.grid is None:
        return f"numbers, {words(answer.shape)}"
    height, width = answer.grid.shape
    if not count:
        return f"a map of {height} x {width}, {answer.grid.min():g} to {answer.grid.max():g}"
    return f"a map of {height} x {width}, {answer.classes} classes"


_HEADS: Mapping[Answering, Sequence[str]] = {
    "classes": ("score", "class", "name"),
    "map": ("share", "class", "name"),
    "boxes": ("score", "class", "name", "left", "top", "right", "bottom"),
}


def _row(guess: Guess) -> Sequence[str]:
    corners = () if guess.box is None else guess.box
    return (
        f"{guess.score:.4f}",
        str(guess.index),
        guess.name,
        *(f"{corner:.0f}" for corner in corners),
    )
