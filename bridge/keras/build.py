"""Plan → `keras.Model`: nothing but native layers and `keras.ops` nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from inspect import signature
from sys import getrecursionlimit
from typing import Any

import keras

from bridge.errors import BridgeError, UnsupportedError, words_of
from bridge.layout import Weight
from bridge.raising.names import encode
from bridge.raising.plan import Call, Function, Plan, PlanInput, Ref


def build(plan: Plan) -> keras.Model:
    """Makes the Functional model of a plan, with its weights.

    Inputs and outputs are in the plan's order: a single one is a tensor, several are a list.

    Raises UnsupportedError for what Keras refuses, and for a chain of calls that is too long.
    """
    if not plan.inputs or not plan.outputs:
        raise UnsupportedError(
            "a Keras model needs inputs and outputs",
            received=f"{len(plan.inputs)} inputs, {len(plan.outputs)} outputs",
        )
    results: dict[int, Any] = {each.id: _input(each) for each in plan.inputs}
    for call in plan.calls:
        results[call.id] = _accepted(call, results)
    inputs = [results[each.id] for each in plan.inputs]
    outputs = [_resolved(plan.values[name].ref, results) for name in plan.outputs]
    try:
        return keras.Model(_single(inputs), _single(outputs), name=encode(plan.name))
    except RecursionError as error:
        raise UnsupportedError(
            "the graph is too deep for Keras, which goes along it call by call within calls",
            received=f"{len(plan.calls)} Keras calls; Python's limit is {getrecursionlimit()}",
            hint="allow more, before converting and wherever the file is loaded: "
            f"sys.setrecursionlimit({max(10_000, 10 * len(plan.calls))})",
        ) from error


def _input(given: PlanInput) -> Any:
    shape = tuple(dim if isinstance(dim, int) else None for dim in given.shape)
    try:
        return keras.Input(batch_shape=shape, dtype=given.dtype, name=given.name)
    except ValueError as error:
        raise UnsupportedError(
            "Keras takes no such input", where=f"'{given.name}'", received=words_of(error)
        ) from error


def _accepted(call: Call, results: Mapping[int, Any]) -> Any:
    try:
        return _carry_out(call, results)
    except BridgeError:
        raise
    except Exception as error:  # Keras and its backends raise whatever they like
        raise UnsupportedError(
            "Keras refuses to build this",
            where=f"'{call.name}' ({call.target})",
            received=words_of(error),
            hint="cut the graph before it; where its numbers are as ONNX defines them, please "
            "report it, with the graph",
        ) from error


def _carry_out(call: Call, results: Mapping[int, Any]) -> Any:
    group, kind = call.target.split(".")
    arguments = [_resolved(argument, results) for argument in call.arguments]
    if call.again is not None:
        return _made(results[call.again])(*arguments)
    if group == "layers":
        return _apply_layer(call, getattr(keras.layers, kind), arguments)
    return _apply_function(call, getattr(keras.ops, kind), arguments)


def _apply_layer(call: Call, kind: type[keras.layers.Layer], arguments: Sequence[Any]) -> Any:
    given = {f"{role}_initializer": Given(weight) for role, weight in call.weights.items()}
    layer = kind(**order_option(kind.__name__), **call.options, **given, name=call.name)
    result = layer(*arguments)
    holder = getattr(layer, "cell", layer)  # a recurrent layer asks its cell
    for name in given:
        # A file that names `Given` could not be loaded where bridge is not, and zeros load fastest.
        setattr(holder, name, keras.initializers.Zeros())
    return result


def _apply_function(call: Call, function: Any, arguments: Sequence[Any]) -> Any:
    result = function(*arguments, **call.options)
    # Functions take no name; the node that they make does.
    _made(result).name = call.name
    return result


def _made(result: Any) -> Any:
    """The layer or the operation that gave this."""
    first = result[0] if isinstance(result, (list, tuple)) else result
    return first._keras_history.operation


@cache
def order_option(kind: str) -> Mapping[str, str]:
    """Says the axis order where a layer can be told: a user's keras.json may have another one."""
    takes = "data_format" in signature(getattr(keras.layers, kind)).parameters
    return {"data_format": "channels_last"} if takes else {}


def _resolved(argument: Any, results: Mapping[int, Any]) -> Any:
    if isinstance(argument, Ref):
        result = results[argument.call]
        return result if argument.item is None else result[argument.item]
    if isinstance(argument, Weight):
        return argument.array()
    if isinstance(argument, Function):
        return _function(argument)
    if isinstance(argument, list):
        return [_resolved(each, results) for each in argument]
    return argument


def _function(function: Function) -> keras.Model:
    """A model that a loop calls: Keras saves no function but those that it has made itself."""
    results: dict[int, Any] = {function.input.id: _input(function.input)}
    x = results[function.input.id]
    for call in function.calls:
        results[call.id] = _carry_out(call, results)
    outputs = [_resolved(ref, results) for ref in function.outputs]
    return keras.Model(x, _single(outputs), name=function.name)


def _single(tensors: Sequence[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else list(tensors)


class Given(keras.initializers.Initializer):
    """Initialises a weight with its values: the fastest way to build a model that has them."""

    def __init__(self, weight: Weight) -> None:
        self.weight = weight

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        if tuple(shape) != self.weight.stored_shape:
            raise BridgeError(
                "a raise rule gives a weight of another shape than Keras asks for",
                expected=tuple(shape),
                received=self.weight.stored_shape,
            )
        return keras.ops.convert_to_tensor(self.weight.array(), dtype=dtype)
