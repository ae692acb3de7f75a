"""A built model → a file, which appears whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import keras

from bridge.errors import BridgeError, UnsupportedError, UsageError, words_of
from bridge.files.outputs import staged, writable
from bridge.suppress_output import quiet_libraries


def save(model: keras.Model, path: str | Path) -> Path:
    """Writes `.keras`, `.tflite`, or a TensorFlow SavedModel folder (a path without an ending).

    Raises UsageError for another ending, for a kind that only TensorFlow writes where Keras runs
    on another backend, and for a place where nothing can be written; UnsupportedError for what
    LiteRT does not have.
    """
    path = Path(path)
    refuse_unwritable(path)
    with staged(path) as place:
        write(model, place)
    return path


def write(model: keras.Model, place: Path) -> None:
    """Writes the model under a name that nobody has yet.

    Raises UnsupportedError where Keras cannot, OSError where the system refuses it.
    """
    try:
        _WRITERS[place.suffix](model, place)
    except (BridgeError, OSError):
        raise
    except Exception as error:  # Keras and its backends raise whatever they like
        raise UnsupportedError(
            "Keras cannot write this model",
            where=place.name,
            received=words_of(error),
            hint="write another kind: .keras, .tflite, or a SavedModel, a name without an ending",
        ) from error


def refuse_unwritable(path: Path) -> None:
    """Refuses what `save` refuses, before there is a model."""
    if path.suffix not in _WRITERS:
        raise UsageError(
            "unknown kind of output",
            where=path,
            expected="a name ending in .keras or .tflite, or without an ending for a SavedModel",
        )
    if path.suffix != ".keras" and keras.backend.backend() != "tensorflow":
        raise UsageError(
            "only TensorFlow writes this kind of output",
            where=path,
            received=f"Keras on {keras.backend.backend()}",
            hint="write a .keras file, which is the same for all of them; or set "
            "KERAS_BACKEND=tensorflow",
        )
    if path.exists() and not path.suffix:
        raise UsageError("it exists already; a SavedModel is a folder of its own", where=path)
    writable(path, tuple(_WRITERS))


def _keras(model: keras.Model, path: Path) -> None:
    model.save(path)


def _tflite(model: keras.Model, path: Path) -> None:
    from tensorflow.lite.python.convert_phase import ConverterError

    try:
        with quiet_libraries():  # what it cannot convert it tells in hundreds of lines
            model.export(path, format="litert", verbose=False)
    except ConverterError as error:
        operators = dict.fromkeys(re.findall(r"'tf\.(\w+)' op is neither", str(error)))
        raise UnsupportedError(
            "TensorFlow cannot convert this model to LiteRT, which lacks operators",
            received=", ".join(operators) or str(error).strip().splitlines()[0][:200],
            hint="write a .keras file or a SavedModel; or cut the net before its last layers, as a "
            "DetectionOutput, with --outputs",
        ) from error


def _saved_model(model: keras.Model, path: Path) -> None:
    model.export(path, format="tf_saved_model", verbose=False)


_WRITERS: Mapping[str, Callable[[keras.Model, Path], None]] = {
    ".keras": _keras,
    ".tflite": _tflite,
    "": _saved_model,
}
