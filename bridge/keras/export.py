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

    Raises UsageError for another suffix, for a kind that only TensorFlow writes if Keras runs on
    another backend, and for a path that cannot be written; UnsupportedError for operators that
    LiteRT lacks.
    """
    path = Path(path)
    refuse_unwritable(path)
    with staged(path) as file:
        write(model, file)
    return path


def write(model: keras.Model, file: Path) -> None:
    """Writes the model to a new file or folder.

    Raises UnsupportedError if Keras cannot, OSError if the system refuses it.
    """
    try:
        _WRITERS[file.suffix](model, file)
    except (BridgeError, OSError):
        raise
    except Exception as error:  # Keras and its backends raise whatever they like
        raise UnsupportedError(
            "Keras cannot write this model",
            where=file.name,
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
        raise UsageError("it exists already; a SavedModel needs a new folder", where=path)
    writable(path, tuple(_WRITERS))


def _keras(model: keras.Model, path: Path) -> None:
    model.save(path)


def _tflite(model: keras.Model, path: Path) -> None:
    from tensorflow.lite.python.convert_phase import ConverterError

    try:
        with quiet_libraries():  # its messages are hundreds of lines
            model.export(path, format="litert", verbose=False)
    except ConverterError as error:
        operators = dict.fromkeys(re.findall(r"'tf\.(\w+)' op is neither", str(error)))
        raise UnsupportedError(
            "TensorFlow cannot convert this model to LiteRT, which lacks operators",
            received=", ".join(operators) or str(error).strip().splitlines()[0][:200],
            hint="write a .keras file or a SavedModel; or cut the net before its last layers, such "
            "as a DetectionOutput, with --outputs",
        ) from error


def _saved_model(model: keras.Model, path: Path) -> None:
    model.export(path, format="tf_saved_model", verbose=False)


_WRITERS: Mapping[str, Callable[[keras.Model, Path], None]] = {
    ".keras": _keras,
    ".tflite": _tflite,
    "": _saved_model,
}
