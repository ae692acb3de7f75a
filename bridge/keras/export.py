"""A built model → a file, which appears whole or not at all."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import keras

from bridge.errors import BridgeError, UnsupportedError, UsageError, words_of
from bridge.files.outputs import MODEL_KINDS, refuse_unknown_kind, writable
from bridge.files.staging import staged
from bridge.keras.io_names import input_names, output_names
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


def _tflite(model: keras.Model, path: Path) -> None:
    from tensorflow import lite
    from tensorflow.lite.python.convert_phase import ConverterError

    try:
        with quiet_libraries(), tempfile.TemporaryDirectory() as folder:
            _saved_model(model, Path(folder))
            converter = lite.TFLiteConverter.from_saved_model(folder, signature_keys=[_BY_NAME])
            # As Keras has it in its own export to LiteRT.
            sets = lite.OpsSet
            converter.target_spec.supported_ops = [sets.TFLITE_BUILTINS, sets.SELECT_TF_OPS]
            converter.experimental_enable_resource_variables = True
            content = bytearray(converter.convert())
    except ConverterError as error:
        operators = dict.fromkeys(re.findall(r"'tf\.(\w+)' op is neither", str(error)))
        raise UnsupportedError(
            "TensorFlow cannot convert this model to LiteRT, which lacks operators",
            received=", ".join(operators) or str(error).strip().splitlines()[0][:200],
            hint="write a .keras file or a SavedModel; or cut the net before its last layers, such "
            "as a DetectionOutput, with --outputs",
        ) from error
    _put_in_order(content, model)
    path.write_bytes(content)


def _put_in_order(content: bytearray, model: keras.Model) -> None:
    """Lists the inputs and outputs of a .tflite in the model's order, in place: TensorFlow's own
    order is that of a hash table."""
    from tensorflow.lite.python.schema_py_generated import Model

    file = Model.GetRootAs(content, 0)
    graph, signature = file.Subgraphs(0), file.SignatureDefs(0)
    for listed, count, entry, names in (
        (graph.InputsAsNumpy(), signature.InputsLength(), signature.Inputs, serving_names(model)),
        (
            graph.OutputsAsNumpy(),
            signature.OutputsLength(),
            signature.Outputs,
            output_names(model),
        ),
    ):
        maps = map(entry, range(count))
        indices = {item.Name().decode(): item.TensorIndex() for item in maps}
        listed[:] = [indices[name] for name in names]


def _saved_model(model: keras.Model, path: Path) -> None:
    """Two endpoints: `serve`, which is Keras's own and returns outputs in their order, and
    `serving_default`, which returns them by name: TensorFlow keeps those in a hash table."""
    import tensorflow

    tensors = zip(model.inputs, serving_names(model), strict=True)
    specs = [tensorflow.TensorSpec(tensor.shape, tensor.dtype, name) for tensor, name in tensors]
    names = output_names(model)
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

    archive.add_endpoint(_BY_NAME, by_name, input_signature=specs)
    archive.write_out(path, verbose=False)


def serving_names(model: keras.Model) -> list[str]:
    """The names of the inputs in exports: ONNX's, or Keras's if TensorFlow does not take those.

    TensorFlow makes names of arguments of them, which have to differ.
    """
    names = input_names(model)
    arguments = {re.sub("[^a-z0-9]", "_", name.lower()) for name in names}
    if all(map(_SERVED.match, names)) and len(arguments) == len(names):
        return names
    return [tensor.name for tensor in model.inputs]


_BY_NAME = "serving_default"
_SERVED = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*$")

_WRITERS: Mapping[str, Callable[[keras.Model, Path], None]] = {
    ".keras": _keras,
    ".tflite": _tflite,
    "": _saved_model,
}
