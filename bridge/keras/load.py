"""Reading a Keras model's file."""

from __future__ import annotations

from pathlib import Path
from zipfile import is_zipfile

import keras

from bridge.errors import UsageError


def load(path: str | Path) -> keras.Model:
    """A .keras (or .h5) file, with nothing but Keras's own layers, as `functional` gives it.

    Raises UsageError.
    """
    path = Path(path)
    if not path.is_file():
        raise UsageError("no such file", where=path)
    if path.suffix == ".keras" and not is_zipfile(path):
        raise UsageError("this is no file of Keras", where=path, expected="a .keras archive")
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises ValueError, TypeError, KeyError, OSError, ...
        message = " ".join(str(error).split())[:300]
        raise UsageError("Keras cannot load it", where=path, received=message) from error
    return functional(model, path)


def functional(model: keras.Model, where: object = None) -> keras.Model:
    """The model with its graph: a Functional one as it is, a Sequential one over the same layers.

    Raises UsageError for others: Keras does not know what they compute on the way.
    """
    if isinstance(model, keras.Sequential) and model.built:
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    if not hasattr(model, "operations"):
        raise UsageError(
            "only its own code knows what this model computes",
            where=where,
            expected="a Functional model, or a Sequential one with an input shape",
            received=type(model).__name__,
        )
    return model
