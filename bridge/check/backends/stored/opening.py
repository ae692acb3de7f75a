"""Opens models of Keras, and what was exported of them, in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from bridge.check.backends.backend import Backend
from bridge.check.backends.exported import Exported, ExportedBackend, saved_model, tflite
from bridge.check.backends.keras import KerasBackend, ValueLocation, own_locations
from bridge.public.options import IoLayout
from bridge.raising.names import decode
from bridge.types import Array

if TYPE_CHECKING:
    import keras

    from bridge.graph.io import ports


@dataclass(frozen=True)
class KerasFile:
    """A model of a file: `inputs` by their names and shapes, `operations` by their names and types.

    `run` gives the model's Backend, for the locations of its values and the names of its inputs and
    outputs; without them, the results of its layers have their names.
    """

    title: str
    inputs: tuple[tuple[str, tuple[int | None, ...]], ...]
    operations: Mapping[str, str]
    run: Callable[..., Backend]


StoredModel: TypeAlias = KerasFile | Exported


def keras_file(path: Path) -> KerasFile:
    """Loads a model. Raises UsageError if Keras cannot."""
    import keras

    from bridge.keras.load import load

    model = load(path)
    title = f"{path.name} in Keras {keras.__version__} on {keras.backend.backend()}"

    def run(
        locations: Mapping[str, ValueLocation] | None = None,
        inputs: Sequence[str] = (),
        outputs: Sequence[str] = (),
    ) -> Backend:
        if locations is None:
            return KerasBackend(model, title, own_locations(model), *_own_names(model))
        return KerasBackend(model, title, locations, inputs, outputs)

    return KerasFile(
        title,
        tuple((tensor.name, tuple(tensor.shape)) for tensor in model.inputs),
        {operation.name: type(operation).__name__ for operation in model.operations},
        run,
    )


class Source(Protocol):
    """A Keras model that is written as ONNX. Both compute in the precision of its weights."""

    def exported(self, io_layout: IoLayout) -> ports.Exported: ...

    def dtypes(self) -> frozenset[str]: ...

    def run(self, arrays: Sequence[Array]) -> Sequence[Array]: ...


@dataclass(frozen=True)
class KerasSource:
    """One whose model is here. Raises BridgeError where it cannot be written, or run."""

    model: keras.Model

    def exported(self, io_layout: IoLayout) -> ports.Exported:
        from bridge.keras.load import in_full_precision
        from bridge.keras.to_onnx import to_onnx

        with in_full_precision(self.model):
            return to_onnx(self.model, io_layout)

    def dtypes(self) -> frozenset[str]:
        from bridge.check.backends.keras import dtypes_of
        from bridge.keras.load import in_full_precision

        with in_full_precision(self.model):
            return frozenset(dtypes_of(self.model))

    def run(self, arrays: Sequence[Array]) -> Sequence[Array]:
        from bridge.check.runners import run_keras
        from bridge.keras.load import in_full_precision

        with in_full_precision(self.model):
            return run_keras(self.model, arrays)


def keras_source(path: Path) -> KerasSource:
    """Loads a model. Raises UsageError if Keras cannot."""
    from bridge.keras.load import load

    return KerasSource(load(path))


def _own_names(model: keras.Model) -> tuple[list[str], list[str]]:
    inputs = [decode(tensor.name) for tensor in model.inputs]
    return inputs, [decode(tensor._keras_history.operation.name) for tensor in model.outputs]


OPENERS: Mapping[str, Callable[[Path], StoredModel | KerasSource]] = {
    "keras": keras_file,
    "keras source": keras_source,
    "tflite": tflite,
    "saved model": saved_model,
}


def as_stored(model: StoredModel) -> Backend:
    """A model without a graph: its arrays are as it stores them, under its own names."""
    if isinstance(model, KerasFile):
        return model.run()
    ports = model.inputs, model.outputs
    return ExportedBackend(model, *({port.name: None for port in of_both} for of_both in ports))
