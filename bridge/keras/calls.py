"""The calls of a Functional model, in order, including those of models that are its layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras

from bridge.keras.load import functional

Execute = Callable[[Any, Any, Any], Any]


def leaf_calls(model: keras.Model) -> Iterator[Any]:
    """The calls of a model in topological order, without its inputs."""
    for call in _calls(model):
        inner = _inner(call.operation)
        if inner is None:
            yield call
        else:
            yield from leaf_calls(inner)


def computed(model: keras.Model, arrays: Sequence[Any], execute: Execute) -> list[Any]:
    """The outputs of a model, with each of its `leaf_calls` executed in that order by a function of
    the operation, its arguments and its options."""
    alive = {id(tensor): array for tensor, array in zip(model.inputs, arrays, strict=True)}
    for call in _calls(model):
        arguments, options = call.arguments.fill_in(alive)
        inner = _inner(call.operation)
        if inner is None:
            results = keras.tree.flatten(execute(call.operation, arguments, options))
        else:
            results = computed(inner, keras.tree.flatten(arguments), execute)
        alive.update({id(t): x for t, x in zip(call.outputs, results, strict=True)})
    return [alive[id(tensor)] for tensor in model.outputs]


def _calls(model: keras.Model) -> Iterator[Any]:
    by_depth = model._nodes_by_depth
    for depth in sorted(by_depth, reverse=True):
        yield from (node for node in by_depth[depth] if not node.is_input)


def _inner(operation: Any) -> keras.Model | None:
    """The model that is called, with its graph; None for a layer or a model without one."""
    if isinstance(operation, keras.Sequential) or hasattr(operation, "_nodes_by_depth"):
        return functional(operation)
    return None
