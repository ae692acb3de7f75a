"""Reading a Keras model's file."""

from __future__ import annotations

from pathlib import Path

import keras

from bridge.errors import UsageError


def load(path: str | Path) -> keras.Model:
    """A .keras (or .h5) file, with nothing but Keras's own layers. Raises UsageError."""
    path = Path(path)
    if not path.is_file():
        raise UsageError("no such file", where=path)
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises ValueError, TypeError, KeyError, OSError, ...
        message = " ".join(str(error).split())[:300]
        raise UsageError("Keras cannot load it", where=path, received=message) from error
