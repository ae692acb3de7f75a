"""What was exported from a Keras model: only what goes in and comes out can be seen."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.check.backends.backend import Given, Origin
from bridge.errors import UsageError, words_of
from bridge.layout import Layout
from bridge.suppress_output import quiet_libraries

Array = NDArray[Any]


@dataclass(frozen=True)
class Port:
    """An input or an output: its name in the file, its stored shape, its dtype."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class Exported:
    """A model that takes and gives arrays as they are stored, in the order of its ports."""

    title: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    run: Callable[[Sequence[Array]], Sequence[Array]]


class ExportedBackend:
    """An exported model, of which `inputs` and `outputs` name the values and say how each is
    stored (None: as the other side has it), in the order of its ports."""

    def __init__(
        self,
        model: Exported,
        inputs: Mapping[str, Layout | None],
        outputs: Mapping[str, Layout | None],
    ) -> None:
        self.title, self._model = model.title, model
        self._layouts = {**inputs, **outputs}
        self.inputs: dict[str, Given] = {
            name: (_logical_shape(port, layout), port.dtype)
            for (name, layout), port in zip(inputs.items(), model.inputs, strict=True)
        }
        self.outputs = self.values = tuple(outputs)
        self.origins: dict[str, Origin] = {}
        self.dtypes: tuple[str, ...] = ()

    def run(self, feeds: Mapping[str, Array], wanted: Sequence[str]) -> Iterator[tuple[str, Array]]:
        stored = [_apply(self._layouts[name], feeds[name]) for name in self.inputs]
        results = self._model.run(stored)
        for name, result in zip(self.outputs, results, strict=True):
            if name in wanted:
                layout = self._layouts[name]
                yield name, result if layout is None else layout.undo(result)


def _apply(layout: Layout | None, array: Array) -> Array:
    return array if layout is None else np.ascontiguousarray(layout.apply(array))


def _logical_shape(port: Port, layout: Layout | None) -> tuple[int | str, ...]:
    if layout is not None:
        return layout.logical_shape
    return tuple(f"{port.name}_{i}" if s is None else s for i, s in enumerate(port.shape))


def tflite(path: Path) -> Exported:
    """A .tflite in LiteRT. Raises UsageError where it is none, or has no signature."""
    name, interpreter_of = _litert()
    try:
        with warnings.catch_warnings():
            # TensorFlow's copy says that it will go; LiteRT's own takes its place where installed.
            warnings.simplefilter("ignore")
            interpreter = interpreter_of(model_path=str(path))
        runner = interpreter.get_signature_runner()
    except (ValueError, RuntimeError) as error:
        raise UsageError(
            "this is no .tflite to run",
            where=path,
            expected="one model with one signature, as Keras exports it",
            received=str(error)[:300],
        ) from error
    given = _ports(runner.get_input_details())
    results = _ports(runner.get_output_details())

    def run(arrays: Sequence[Array]) -> Sequence[Array]:
        feeds = {
            port.name: array.astype(port.dtype) for port, array in zip(given, arrays, strict=True)
        }
        try:
            found = runner(**feeds)
        except (ValueError, RuntimeError) as error:
            message = words_of(error, 140)
            raise UsageError(f"{name} cannot run it", where=path, received=message) from error
        return [found[port.name] for port in results]

    return Exported(f"{path.name} in {name}", given, results, run)


def _litert() -> tuple[str, Callable[..., Any]]:
    """LiteRT's own package, or the copy in TensorFlow."""
    try:
        from ai_edge_litert import interpreter
    except ImportError:
        tensorflow = _tensorflow("a .tflite", "LiteRT's own package, ai-edge-litert, is enough")
        return f"TensorFlow {tensorflow.__version__}'s LiteRT", tensorflow.lite.Interpreter
    from importlib.metadata import version

    return f"LiteRT {version('ai-edge-litert')}", interpreter.Interpreter


def _tensorflow(what: str, or_else: str = "") -> Any:
    """TensorFlow, which Keras does without on JAX or PyTorch. Raises UsageError."""
    try:
        with quiet_libraries():
            import tensorflow
    except ImportError as error:
        install = "pip install 'caffe-bridge[keras]'"
        raise UsageError(
            f"running {what} takes TensorFlow, which is not here",
            received=words_of(error),
            hint="; ".join(filter(None, (install, or_else))),
        ) from error
    return tensorflow


def _ports(details: Mapping[str, Any]) -> tuple[Port, ...]:
    return tuple(
        Port(
            name,
            tuple(None if size < 0 else int(size) for size in details[name]["shape_signature"]),
            str(np.dtype(details[name]["dtype"])),
        )
        for name in sorted(details, key=_number)
    )


def saved_model(path: Path) -> Exported:
    """A SavedModel folder in TensorFlow. Raises UsageError where it is none."""
    tensorflow = _tensorflow("a SavedModel")
    try:
        loaded = tensorflow.saved_model.load(str(path))
        serve = loaded.signatures["serving_default"]
    except (OSError, KeyError, ValueError) as error:
        raise UsageError(
            "this is no SavedModel to run", where=path, received=str(error)[:300]
        ) from error
    given, results = (
        tuple(Port(name, tuple(specs[name].shape), specs[name].dtype.name) for name in names)
        for specs, names in (
            (serve.structured_input_signature[1], list(serve.structured_input_signature[1])),
            (serve.structured_outputs, sorted(serve.structured_outputs, key=_number)),
        )
    )

    def run(arrays: Sequence[Array]) -> Sequence[Array]:
        feeds = {
            port.name: tensorflow.constant(array) for port, array in zip(given, arrays, strict=True)
        }
        found = serve(**feeds)
        return [found[port.name].numpy() for port in results]

    return Exported(f"{path.name} in TensorFlow {tensorflow.__version__}", given, results, run)


def _number(name: str) -> int:
    """`output_10` comes after `output_9`."""
    digits = name.rpartition("_")[2]
    return int(digits) if digits.isdigit() else 0
