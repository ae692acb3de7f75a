"""Exports of a Keras model, of which only the inputs and outputs are visible."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bridge.check.backends.backend import InputSpec, Origin, in_onnx_order
from bridge.check.tolerance import NARROW
from bridge.errors import UsageError, words_of
from bridge.layout import Layout
from bridge.public.extras import pip_install
from bridge.suppress_output import quiet_libraries
from bridge.types import Array


@dataclass(frozen=True)
class Port:
    """An input or an output: its name in the file, its stored shape, its dtype."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class Exported:
    """A model that takes and returns arrays as they are stored, in the order of its ports.
    `rounded` are the narrow dtypes that stand for its float32."""

    title: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    run: Callable[[Sequence[Array]], Sequence[Array]]
    rounded: frozenset[str] = frozenset()


class ExportedBackend:
    """An exported model. `inputs` and `outputs` are the names of its values, in the order of its
    ports, and their layouts (None: that of the other model)."""

    def __init__(
        self,
        model: Exported,
        inputs: Mapping[str, Layout | None],
        outputs: Mapping[str, Layout | None],
    ) -> None:
        self.title, self._model = model.title, model
        self._layouts = {**inputs, **outputs}
        self.inputs: dict[str, InputSpec] = {
            name: (_logical_shape(port, layout), port.dtype)
            for (name, layout), port in zip(inputs.items(), model.inputs, strict=True)
        }
        self.outputs = self.values = tuple(outputs)
        self.origins: dict[str, Origin] = {}
        # The rounding of a half has its tolerance; that of a byte has none.
        self.dtypes = tuple(NARROW.keys() & model.rounded)

    def run(self, feeds: Mapping[str, Array], wanted: Sequence[str]) -> Iterator[tuple[str, Array]]:
        stored = [_apply(self._layouts[name], feeds[name]) for name in self.inputs]
        results = self._model.run(stored)
        for name, result in zip(self.outputs, results, strict=True):
            if name in wanted:
                yield name, in_onnx_order(result, self._layouts[name])


def _apply(layout: Layout | None, array: Array) -> Array:
    return array if layout is None else np.ascontiguousarray(layout.apply(array))


def _logical_shape(port: Port, layout: Layout | None) -> tuple[int | str, ...]:
    if layout is not None:
        return layout.logical_shape
    return tuple(f"{port.name}_{i}" if s is None else s for i, s in enumerate(port.shape))


def tflite(path: Path) -> Exported:
    """A .tflite in LiteRT. Raises UsageError for any other file, or one without a signature."""
    name, interpreter_of = _litert()
    try:
        with warnings.catch_warnings():
            # TensorFlow's copy is deprecated; LiteRT's own package replaces it if it is installed.
            warnings.simplefilter("ignore")
            interpreter = interpreter_of(model_path=str(path))
        runner = interpreter.get_signature_runner()
    except (ValueError, RuntimeError) as error:
        raise UsageError(
            "not a .tflite that can be run",
            where=path,
            expected="one model with one signature, as Keras exports it",
            received=str(error)[:300],
        ) from error
    inputs = _ports(runner.get_input_details(), interpreter.get_input_details())
    outputs = _ports(runner.get_output_details(), interpreter.get_output_details())

    def run(arrays: Sequence[Array]) -> Sequence[Array]:
        feeds = {
            port.name: array.astype(port.dtype) for port, array in zip(inputs, arrays, strict=True)
        }
        try:
            results = runner(**feeds)
        except (ValueError, RuntimeError) as error:
            message = words_of(error, 140)
            raise UsageError(f"{name} cannot run it", where=path, received=message) from error
        return [results[port.name] for port in outputs]

    rounded = _rounded(interpreter.get_tensor_details())
    return Exported(f"{path.name} in {name}", inputs, outputs, run, rounded)


def _rounded(tensors: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Halves, and the integers that have a scale."""
    return frozenset(
        np.dtype(tensor["dtype"]).name
        for tensor in tensors
        if tensor["dtype"] is np.float16 or tensor["quantization_parameters"]["scales"].size
    )


def _litert() -> tuple[str, Callable[..., Any]]:
    """LiteRT's own package, or the copy in TensorFlow."""
    try:
        from ai_edge_litert import interpreter
    except ImportError:
        tensorflow = _tensorflow("a .tflite", "LiteRT's own package, ai-edge-litert, is enough")
        return f"TensorFlow {tensorflow.__version__}'s LiteRT", tensorflow.lite.Interpreter
    from importlib.metadata import version

    return f"LiteRT {version('ai-edge-litert')}", interpreter.Interpreter


def _tensorflow(kind: str, alternative: str = "") -> Any:
    """TensorFlow, which Keras does not need on JAX or PyTorch. Raises UsageError."""
    try:
        with quiet_libraries():
            import tensorflow
    except ImportError as error:
        install = pip_install("keras")
        raise UsageError(
            f"running {kind} needs TensorFlow, which is not installed",
            received=words_of(error),
            hint="; ".join(filter(None, (install, alternative))),
        ) from error
    return tensorflow


def _ports(details: Mapping[str, Any], listed: Sequence[Any]) -> tuple[Port, ...]:
    """The values of a signature in the order in which the file lists its tensors."""
    order = [tensor["index"] for tensor in listed]
    names = sorted(details, key=lambda name: order.index(details[name]["index"]))
    return tuple(
        Port(
            name,
            tuple(None if size < 0 else int(size) for size in details[name]["shape_signature"]),
            str(np.dtype(details[name]["dtype"])),
        )
        for name in _in_order(names)
    )


def saved_model(path: Path) -> Exported:
    """A SavedModel folder in TensorFlow. Raises UsageError for any other."""
    tensorflow = _tensorflow("a SavedModel")
    try:
        loaded = tensorflow.saved_model.load(str(path))
        serve = loaded.signatures["serving_default"]
    except (OSError, KeyError, ValueError) as error:
        raise UsageError(
            "not a SavedModel that can be run", where=path, received=str(error)[:300]
        ) from error
    results = serve.structured_outputs
    inputs, outputs = (
        tuple(Port(name, tuple(spec.shape), spec.dtype.name) for name, spec in specs)
        for specs in (
            [(spec.name, spec) for spec in serve.structured_input_signature[1].values()],
            [(name, results[name]) for name in _in_order([*results])],
        )
    )

    def run(arrays: Sequence[Array]) -> Sequence[Array]:
        feeds = {
            port.name: tensorflow.constant(array)
            for port, array in zip(inputs, arrays, strict=True)
        }
        results = serve(**feeds)
        return [results[port.name].numpy() for port in outputs]

    return Exported(f"{path.name} in TensorFlow {tensorflow.__version__}", inputs, outputs, run)


def _in_order(names: Sequence[str]) -> Sequence[str]:
    """The names that Keras's own exports give to outputs say their order, `output_10` after
    `output_9`; others are in the order in which they were found."""
    numbers = {name: name.removeprefix("output_") for name in names}
    if all(map(str.isdigit, numbers.values())):
        return sorted(names, key=lambda name: int(numbers[name]))
    return names
