"""A built model → a file, which appears whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import keras

from bridge.errors import BridgeError, UnsupportedError, UsageError, words_of
from bridge.files.outputs import MODEL_KINDS, refuse_unknown_kind, writable
from bridge.files.staging import staged
from bridge.keras.io_names import output_names, serving_specs
from bridge.keras.litert import Rounding, write_litert


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


def write(model: keras.Model, file: Path, rounding: Rounding | None = None) -> None:
    """Writes the model to a new file or folder; a .tflite may round its numbers.

    Raises UnsupportedError if Keras cannot, OSError if the system refuses it.
    """
    try:
        if rounding is None:
            _WRITERS[file.suffix](model, file)
        else:
            write_litert(model, file, rounding)
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
    refuse_unknown_kind(path)
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
    writable(path, MODEL_KINDS)


def _keras(model: keras.Model, path: Path) -> None:
    model.save(path)


def _saved_model(model: keras.Model, path: Path) -> None:
    """Two endpoints: `serve`, which is Keras's own and returns outputs in their order, and
    `serving_default`, which returns them by name: TensorFlow keeps those in a hash table."""
    specs, names = serving_specs(model), output_names(model)
    archive = keras.export.ExportArchive()
    archive.track(model)
    serve = archive.add_endpoint(
        "serve",
        partial(model.__call__, training=False),
        input_signature=[keras.tree.pack_sequence_as(model.input, specs)],
    )

    def by_name(*arrays: Any) -> dict[str, Any]:
        results = serve(keras.tree.pack_sequence_as(model.input, arrays))
        return dict(zip(names, keras.tree.flatten(results), strict=True))

    archive.add_endpoint("serving_default", by_name, input_signature=specs)
    archive.write_out(path, verbose=False)


_WRITERS: Mapping[str, Callable[[keras.Model, Path], None]] = {
    ".keras": _keras,
    ".tflite": write_litert,
    "": _saved_model,
}
