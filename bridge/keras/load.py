"""Loads the file of a Keras model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile, is_zipfile

import keras

from bridge import files
from bridge.errors import BridgeError, UsageError, words_of
from bridge.files.hdf5 import is_hdf5, refuse_foreign
from bridge.files.memory import VARIABLE, refuse_large
from bridge.keras.depth import room_for


def load(path: str | Path) -> keras.Model:
    """The `functional` model of a .keras (or .h5) file that has only Keras's own layers.

    Raises UsageError.
    """
    path = Path(path)
    if path.is_dir():
        raise UsageError("this is a folder", where=path, expected="a .keras file")
    if not path.is_file():
        raise files.missing(path, "Keras model")
    kind = files.of(path)
    is_other = kind is not None and kind.name != files.KERAS and not is_zipfile(path)
    if not is_hdf5(path) and (is_other or (path.suffix == ".keras" and not is_zipfile(path))):
        raise files.other_kind(path, "not a Keras model", expected="a .keras archive")
    if is_hdf5(path):
        refuse_foreign(path)  # in a .keras archive Keras refuses them itself
    try:
        _refuse_inflated(path)
        with room_for(_layers_of(path)):
            model = keras.saving.load_model(path, compile=False)
    except BridgeError:
        raise
    except Exception as error:  # Keras raises ValueError, TypeError, KeyError, OSError, ...
        raise _refusal(error, path) from error
    return functional(model, path)


def _refusal(error: Exception, path: Path) -> UsageError:
    """What an exception of Keras's means to a user."""
    if {kind.__name__ for kind in type(error).mro()} & _WITHOUT_MEMORY:
        return UsageError(
            "its layers take more memory than this process may have",
            where=path,
            received=words_of(error),
            hint=f"are their sizes right? --max-memory 16G, or {VARIABLE}, allows more",
        )
    message = words_of(error.__context__ or error)
    if "No model config found" in message:
        return UsageError(
            "it has weights, but no model",
            where=path,
            expected="a whole model, as model.save writes it",
        )
    return UsageError(
        "Keras cannot load it",
        where=path,
        received=message,
        hint="load a model with layers or functions of your own in Python, and pass it to "
        "bridge instead of the file",
    )


_WITHOUT_MEMORY = {"MemoryError", "ResourceExhaustedError"}  # Python's and TensorFlow's


def _refuse_inflated(path: Path) -> None:
    """Refuses an archive of which little is much: zeros shrink to a thousandth."""
    if is_zipfile(path):
        with ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        refuse_large(unpacked, "the archive, unpacked,", path)


def _layers_of(path: Path) -> int:
    """How many layers there are in a .keras archive, at most; 0 for an HDF5 file."""
    if not is_zipfile(path):
        return 0
    with ZipFile(path) as archive:
        name = "config.json"
        return archive.read(name).count(b"inbound_nodes") if name in archive.namelist() else 0


def functional(model: keras.Model, where: object = None) -> keras.Model:
    """The model with its graph: a Functional one as it is, a Sequential one over the same layers.

    Raises UsageError for any other, whose graph Keras does not have.
    """
    if isinstance(model, keras.Sequential) and model.built:
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    if not hasattr(model, "operations"):
        raise UsageError(
            "this model has no graph: only its own code knows what it computes",
            where=where,
            expected="a Functional model, or a Sequential one with an input shape",
            received=type(model).__name__,
        )
    return model


@contextmanager
def in_full_precision(model: keras.Model) -> Iterator[None]:
    """Within it, layers with half-precision computations and full-precision weights compute in
    full: ONNX's runtimes round at other points than TensorFlow, and weights stay as learned."""
    before = {
        layer: layer.dtype_policy
        for layer in model._flatten_layers()
        if layer.dtype_policy.compute_dtype != layer.dtype_policy.variable_dtype
    }
    try:
        for layer, policy in before.items():
            layer.dtype_policy = keras.DTypePolicy(policy.variable_dtype)
        yield
    finally:
        for layer, policy in before.items():
            layer.dtype_policy = policy
