"""Plan → `keras.Model`: nothing but native layers and `keras.ops` nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from inspect import signature
from typing import Any

import keras

from bridge.errors import BridgeError, UnsupportedError, words_of
from bridge.keras.depth import room_for
from bridge.layout import Weight
from bridge.raising.names import encode
from bridge.raising.plan import Call, Function, Plan, PlanInput, Ref


def build(plan: Plan) -> keras.Model:
    """Builds the Functional model of a plan, with its weights.

    Inputs and outputs are in the plan's order: a single one is a tensor, several are a list.

    Raises UnsupportedError for what Keras refuses.
    """
    if not plan.inputs or not plan.outputs:
        raise UnsupportedError(
            "a Keras model needs inputs and outputs",
            received=f"{len(plan.inputs)} inputs, {len(plan.outputs)} outputs",
        )
    results: dict[int, Any] = {entry.id: _input(entry) for entry in plan.inputs}
    for call in plan.calls:
        results[call.id] = _accepted(call, results)
    inputs = [results[entry.id] for entry in plan.inputs]
    outputs = [_resolved(ref, results) for ref in plan.returned]
    with room_for(len(plan.calls)):
        return keras.Model(_single(inputs), _single(outputs), name=encode(plan.name))


def _input(entry: PlanInput) -> Any:
    shape = tuple(dim if isinstance(dim, int) else None for dim in entry.shape)
    try:
        return keras.Input(batch_shape=shape, dtype=entry.dtype, name=entry.name)
    except ValueError as error:
        raise UnsupportedError(
            "Keras refuses this input", where=f"'{entry.name}'", received=words_of(error)
        ) from error


def _accepted(call: Call, results: Mapping[int, Any]) -> Any:
    try:
        return _execute(call, results)
    except BridgeError:
        raise
    except Exception as error:  # Keras and its backends raise whatever they like
        raise UnsupportedError(
            "Keras refuses to build this",
            where=f"'{call.name}' ({call.target})",
            received=words_of(error),
            hint="cut the graph before it; if it is valid ONNX, please report it, with the graph",
        ) from error


def _execute(call: Call, results: Mapping[int, Any]) -> Any:
    group, kind = call.target.split(".")
    arguments = [_resolved(argument, results) for argument in call.arguments]
    if call.again is not None:
        return _operation_of(results[call.again])(*arguments)
    if group == "layers":
        return _apply_layer(call, getattr(keras.layers, kind), arguments)
    return _apply_function(call, getattr(keras.ops, kind), arguments)


# Layers that take no initializers: their weights are set when they are there.
_WITHOUT_INITIALIZERS = frozenset({"layers.Normalization", "layers.RMSNormalization"})


def _apply_layer(call: Call, kind: type[keras.layers.Layer], arguments: Sequence[Any]) -> Any:
    values = {role: Values(weight) for role, weight in call.weights.items()}
    late = values if call.target in _WITHOUT_INITIALIZERS else {}
    initializers = {f"{role}_initializer": values[role] for role in values.keys() - late.keys()}
    options = {name: _resolved(value, {}) for name, value in call.options.items()}
    layer = kind(**order_option(kind.__name__), **options, **initializers, name=call.name)
    result = layer(*arguments)
    owner = getattr(layer, "cell", layer)  # of a recurrent layer it is the cell
    for name in initializers:
        # A file that names `Values` could not be loaded without bridge, and zeros load fastest.
        setattr(owner, name, keras.initializers.Zeros())
    for role, initializer in late.items():
        variable = getattr(layer, role)
        variable.assign(initializer(variable.shape, variable.dtype))
    if isinstance(layer, keras.layers.Normalization):
        layer.finalize_state()  # what it computes with is not its weights
    return result


def _apply_function(call: Call, function: Any, arguments: Sequence[Any]) -> Any:
    result = function(*arguments, **call.options)
    # Functions take no name, but their operation has one.
    _operation_of(result).name = call.name
    return result


def _operation_of(result: Any) -> Any:
    """The layer or the operation that computed a result."""
    first = result[0] if isinstance(result, (list, tuple)) else result
    return first._keras_history.operation


@cache
def order_option(kind: str) -> Mapping[str, str]:
    """The axis order, for a layer that takes it: the default is in a user's keras.json."""
    takes_it = "data_format" in signature(getattr(keras.layers, kind)).parameters
    return {"data_format": "channels_last"} if takes_it else {}


def _resolved(argument: Any, results: Mapping[int, Any]) -> Any:
    if isinstance(argument, Ref):
        result = results[argument.call]
        return result if argument.item is None else result[argument.item]
    if isinstance(argument, Weight):
        return argument.array()
    if isinstance(argument, Function):
        return _function(argument)
    if isinstance(argument, list):
        return [_resolved(item, results) for item in argument]
    return argument


def _function(function: Function) -> keras.Model:
    """A model that a loop calls: Keras cannot save any other function."""
    results: dict[int, Any] = {function.input.id: _input(function.input)}
    x = results[function.input.id]
    for call in function.calls:
        results[call.id] = _execute(call, results)
    outputs = [_resolved(ref, results) for ref in function.outputs]
    return keras.Model(x, _single(outputs), name=function.name)


def _single(tensors: Sequence[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else list(tensors)


class Values(keras.initializers.Initializer):
    """Initialises a weight with its values: the fastest way to build a model that has them."""

    def __init__(self, weight: Weight) -> None:
        self.weight = weight

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        if tuple(shape) != self.weight.stored_shape:
            raise BridgeError(
                "a raise rule has a weight of another shape than Keras expects",
                expected=tuple(shape),
                received=self.weight.stored_shape,
            )
        return keras.ops.convert_to_tensor(self.weight.array(), dtype=dtype)
