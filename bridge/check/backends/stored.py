"""Keras models and exports of them without a graph: arrays are as the model stores them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.check.backends.backend import Backend

if TYPE_CHECKING:
    import keras

    from bridge.check.backends.exported import Exported


def keras_as_stored(model: keras.Model, name: str) -> Backend:
    """A Keras model, with the results of its layers under their names."""
    from bridge.check.backends.keras import KerasBackend, own_locations
    from bridge.raising.names import decode

    inputs = [decode(tensor.name) for tensor in model.inputs]
    outputs = [decode(tensor._keras_history.operation.name) for tensor in model.outputs]
    return KerasBackend(model, keras_title(name), own_locations(model), inputs, outputs)


def keras_title(name: str) -> str:
    """The name of a model's file, and what runs it."""
    import keras

    return f"{name} in Keras {keras.__version__} on {keras.backend.backend()}"


def exported_as_stored(model: Exported) -> Backend:
    """An export, with its inputs and outputs under their own names."""
    from bridge.check.backends.exported import ExportedBackend

    ports = model.inputs, model.outputs
    return ExportedBackend(model, *({port.name: None for port in of_both} for of_both in ports))
