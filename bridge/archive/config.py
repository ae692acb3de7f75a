"""A plan as the config of a Functional model, as Keras's loader reads it.

A layer's config is what its constructor is given, with Keras's defaults written out, so that a
later Keras with others loads the same model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bridge.archive.graph import Graph, Use
from bridge.archive.tables import layers, operations
from bridge.errors import UnsupportedError
from bridge.layout import Weight
from bridge.raising.plan import Function, PlanInput, Ref
from bridge.types import Array

Config = dict[str, Any]
_ZEROS = {"module": "keras.initializers", "class_name": "Zeros", "config": {}}


def functional(graph: Graph) -> Config:
    """The config of a whole model. Raises UnsupportedError for what no archive can hold."""
    inputs = [[entry.name, 0, 0] for entry in graph.inputs]
    outputs = [_history(ref, graph) for ref in graph.outputs]
    config = {
        "name": graph.name,
        "trainable": True,
        "layers": [_operation(number, calls, graph) for number, calls in graph.needed.items()],
        "input_layers": _single(inputs),
        "output_layers": _single(outputs),
    }
    return _object("keras.src.models.functional", "Functional", config, "Functional")


def _single(tensors: Sequence[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


def _object(module: str, kind: str, config: Config, registered: str | None = None) -> Config:
    return {"module": module, "class_name": kind, "config": config, "registered_name": registered}


def _history(ref: Ref, graph: Graph) -> list[Any]:
    name, index = graph.nodes[ref.call]
    return [name, index, ref.item or 0]


def _operation(number: int, calls: Sequence[int], graph: Graph) -> Config:
    """A layer, an operation of `keras.ops` or an input, with its applications."""
    if number not in graph.uses:
        (entry,) = (entry for entry in graph.inputs if entry.id == number)
        return _input(entry)
    use = graph.uses[number]
    group, kind = use.call.target.split(".")
    config = _layer(use, kind, graph) if group == "layers" else _function(use, kind, graph)
    nodes = [_node(graph.uses[call], graph) for call in calls]
    return {**config, "name": use.call.name, "inbound_nodes": nodes}


def _input(entry: PlanInput) -> Config:
    shape = [size if isinstance(size, int) else None for size in entry.shape]
    config: Config = {"batch_shape": shape, "dtype": entry.dtype, "name": entry.name}
    config |= {"sparse": False, "ragged": False, "optional": False}
    return {
        **_object("keras.layers", "InputLayer", config),
        "name": entry.name,
        "inbound_nodes": [],
    }


def _layer(use: Use, kind: str, graph: Graph) -> Config:
    table = layers()[kind]
    options = {name: _plain(value, graph) for name, value in use.config.items()}
    policy = _object("keras", "DTypePolicy", {"name": options.pop("dtype", "float32")})
    # The weights are in the file: a file with other initializers would take longer to load.
    initializers = (f"{role}_initializer" for role in use.call.weights)
    zeros = {name: _ZEROS for name in initializers if name in table.config}
    own = {"name": use.call.name, "trainable": True, "dtype": policy}
    return _object("keras.layers", kind, {**own, **table.config, **zeros, **options})


def _function(use: Use, kind: str, graph: Graph) -> Config:
    operation = operations()[kind]
    config = {name: _plain(value, graph) for name, value in use.config.items()}
    named = {"name": use.call.name, **config}
    return _object(operation.module, operation.kind, named, operation.kind)


def _node(use: Use, graph: Graph) -> Config:
    keywords = {name: _plain(value, graph) for name, value in use.keywords.items()}
    return {"args": [_plain(value, graph) for value in use.arguments], "kwargs": keywords}


def _plain(value: Any, graph: Graph) -> Any:
    """An argument or an option as JSON has it."""
    if isinstance(value, Ref):
        return _tensor(value, graph)
    if isinstance(value, (list, tuple)):
        return [_plain(item, graph) for item in value]
    if isinstance(value, slice):
        ends = {end: _plain(getattr(value, end), graph) for end in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": ends}
    return _constant(value)


def _tensor(ref: Ref, graph: Graph) -> Config:
    # The loader puts the tensor of this history in its place, whatever is said of its shape: that
    # is for people, and for tools that show the file.
    shape = [size if isinstance(size, int) else None for size in graph.shapes.get(ref, ())]
    config = {"shape": shape, "dtype": "float32", "keras_history": _history(ref, graph)}
    return {"class_name": "__keras_tensor__", "config": config}


def _constant(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if value is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(value, Function):
        return functional(Graph.of_function(value))
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (Weight, np.ndarray)):
        return _array(value.array() if isinstance(value, Weight) else value)
    raise UnsupportedError("no Keras archive can hold this", received=type(value).__name__)


def _array(array: Array) -> Config:
    """With its dtype, also a single number: Keras itself writes that as Python's, which operations
    of bits do not take when they are loaded."""
    if 0 in array.shape[:-1]:
        raise UnsupportedError(
            "a Keras archive has constants as nested lists, which do not say the shape of this one",
            received=f"an array of shape {array.shape}, without elements",
            hint="convert it in Python, without an output; or cut the graph behind it",
        )
    config = {"value": array.tolist(), "dtype": array.dtype.name}
    return {"class_name": "__numpy__", "config": config}
